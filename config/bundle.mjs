// Makes the installed command from the compiled modules: one CommonJS file, modules initialised when first needed, and V8 bytecode beside it.
import { build } from 'esbuild';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import { spawnSync } from 'node:child_process';
import { acceptedFlags } from './node-flags.mjs';

const root = new URL('..', import.meta.url).pathname.replace(/\/$/, '');
const dist = join(root, 'dist');
const out = join(dist, 'cli');

/**
 * Inside one file, `import.meta.url` and `.dirname` are gone; modules that look for files beside them get the place they have in dist. A CommonJS file has `require`
 * already; the module that makes one takes milliseconds to load.
 */
const keepModuleUrls = {
  name: 'keep-module-urls',
  setup(context) {
    context.onLoad({ filter: /\.js$/ }, ({ path }) => {
      if (!path.startsWith(`${dist}/`)) return undefined;
      const contents = readFileSync(path, 'utf8');
      if (!contents.includes('import.meta.')) return undefined;
      const place = (file) => `require('node:path').join(__dirname, '..', ${JSON.stringify(relative(dist, file))})`;
      const url = `require('node:url').pathToFileURL(${place(path)}).href`;
      const required = contents
        .replaceAll('createRequire(import.meta.url)', 'require')
        .replaceAll('import.meta.dirname', place(dirname(path)));
      return { contents: required.replaceAll('import.meta.url', `(${url})`), loader: 'js', resolveDir: dirname(path) };
    });
  },
};

/** The bundle's `require` is that of core/cli/boot.cjs: the file beside it imports for us. */
const importForUs = {
  name: 'import-for-us',
  setup(context) {
    context.onLoad({ filter: /dist\/core\/import-module\.js$/ }, () => ({
      contents: "export const importModule = (url) => require('./import.cjs')(url);",
      loader: 'js',
    }));
  },
};

/** The manifests of bundled plugins: every dump asks (core/plugins/bundled.ts). */
const bundledPlugins = {
  name: 'bundled-plugins',
  setup(context) {
    context.onLoad({ filter: /dist\/core\/plugins\/bundled\.js$/ }, async ({ path }) => {
      const found = (await import(pathToFileURL(path).href)).bundledPlugins(root);
      return { contents: `const found = ${JSON.stringify(found)}; export const bundledPlugins = () => found;` };
    });
  },
};

/** Written beside and renamed: somebody may be starting the old command at this moment. */
function replaceFile(path, data) {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(`${path}.new`, data);
  renameSync(`${path}.new`, path);
}

/** Far longer than any of these needs: set-up must end. */
const TIMEOUT_MS = 60_000;

function runNode(args, what) {
  const done = spawnSync(process.execPath, args, { encoding: 'utf8', maxBuffer: 16 << 20, timeout: TIMEOUT_MS, killSignal: 'SIGKILL' });
  if (done.status !== 0) throw new Error(`${what} failed: ${done.stdout}${done.stderr}`);
  return done.stdout;
}

const result = await build({
  entryPoints: [join(dist, 'core/cli/main.js')],
  bundle: true,
  platform: 'node',
  format: 'cjs',
  charset: 'ascii',
  target: 'node20',
  // The last two are needed only when there is a configuration file: found in node_modules then, and not read at every start.
  external: ['*.node', './import.cjs', 'cosmiconfig', '@swc/wasm-typescript'],
  plugins: [importForUs, bundledPlugins, keepModuleUrls],
  legalComments: 'inline',
  // Read and hashed at every start. Names stay, for messages and stacks.
  minifyWhitespace: true,
  minifySyntax: true,
  logLevel: 'warning',
  write: false,
});
const code = result.outputFiles[0].text;
const id = createHash('sha256').update(code).digest('hex').slice(0, 16);
// The first line names the bytecode that belongs to exactly this text (core/cli/boot.cjs).
replaceFile(join(out, 'criu-ts.cjs'), `//${id}\n(function (exports, require, module, __filename, __dirname) {${code}\n})`);
for (const name of readdirSync(out)) if (name.endsWith('.cache') && !name.includes(id)) rmSync(join(out, name));
// V8 takes bytecode only where it was made with the same flags.
const flags = acceptedFlags(process.execPath);
for (const kind of ['other', 'dump', 'restore']) {
  try {
    runNode([...flags, join(root, 'config/rehearse.cjs'), kind], `the rehearsal of ${kind}`);
  } catch (error) {
    // Where no process can be checkpointed (an unprivileged build) these two commands start without bytecode.
    if (kind === 'other') throw error;
  }
}

// What the launcher answers without starting Node; the texts come from the program itself.
for (const name of ['version', 'help'])
  replaceFile(join(out, `${name}.txt`), runNode([join(root, 'core/cli/boot.cjs'), `--${name}`], `--${name}`));

// For the launcher: Node, its flags, and as the time of the file that of Node, which tells whether another one lies there now.
const place = join(root, 'core/cli/.node-path');
replaceFile(place, `${process.execPath}\n${flags.join(' ')}\n`);
const touched = spawnSync('touch', ['-r', process.execPath, place]);
if (touched.status !== 0) throw new Error(`touch of ${place} failed: ${touched.stderr}`);
