/**
 * Tries a plugin that nobody named in a process of its own: does it load, is it what it says, and does it find its device? It may crash, hang or exit there.
 */
import { spawn } from 'node:child_process';
import { join } from 'node:path';

const TIMEOUT_MS = 10_000;
const MAX_OUTPUT = 4096;

/** What the child prints as its last line. */
const DONE = 'criu-ts-probe:';

/** Runs in the child: the file to import is its argument. Kept as text so that nothing of the engine is loaded there. */
const CHILD = `
const { pathToFileURL } = require('node:url');
const say = (text) => { require('node:fs').writeSync(1, '\\n${DONE}' + text + '\\n'); process.exit(0); };
import(pathToFileURL(process.argv[1]).href).then(async (module) => {
  const plugin = module.default;
  if (!plugin || plugin[Symbol.for('criu-ts.plugin')] !== true) return say('its default export was not made by definePlugin()');
  say(plugin.probe ? (await plugin.probe()) ?? '' : '');
}).catch((error) => say('cannot be loaded: ' + String(error && error.message || error).split('\\n')[0]));
`;

/** Why it cannot be used here, or null. */
export function probePlugin(entry: string, home: string): Promise<string | null> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, ['-e', CHILD, entry], {
      cwd: join(home),
      stdio: ['ignore', 'pipe', 'ignore'],
      timeout: TIMEOUT_MS,
      killSignal: 'SIGKILL',
    });
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output = (output + text).slice(-MAX_OUTPUT);
    });
    child.on('error', (error) => resolve(`its probe could not be started: ${error.message}`));
    child.on('close', (status, signal) => {
      const at = output.lastIndexOf(DONE);
      if (at < 0) resolve(signal === null ? `its probe ended with status ${status}` : `its probe ended by ${signal}`);
      else resolve(output.slice(at + DONE.length).split('\n')[0] || null);
    });
  });
}
