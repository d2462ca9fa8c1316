import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { CrError } from '../../core/errors.js';
import { createLog } from '../../core/log.js';
import { ActionScripts } from '../../core/scripts.js';

const dir = mkdtempSync(join(tmpdir(), 'criu-ts-scripts-'));
after(() => rmSync(dir, { recursive: true }));
const out = join(dir, 'out');

function script(name: string, exit: number): string {
  const path = join(dir, name);
  const text = `#!/bin/sh\necho "${name} $# $CRTOOLS_SCRIPT_ACTION \${CRTOOLS_INIT_PID-unset} $(readlink $CRTOOLS_IMAGE_DIR)" >>${out}\nexit ${exit}\n`;
  writeFileSync(path, text);
  chmodSync(path, 0o755);
  return path;
}

function make(scripts: readonly string[], lines: string[] = [], signal?: AbortSignal): ActionScripts {
  return new ActionScripts({
    scripts,
    imagesDir: dir,
    signal,
    workDir: dir,
    log: createLog({ verbosity: 2, sink: (line) => lines.push(line), site: () => 'x' }),
  });
}

function output(): string[] {
  const text = readFileSync(out, 'utf8');
  rmSync(out);
  return text.trim().split('\n');
}

const real = realpathSync(dir);

test('the last added runs first, with the variables and without arguments', async () => {
  const scripts = make([script('a', 0), script('b', 0)]);
  await scripts.run('pre-dump', 'running', 77);
  assert.deepEqual(output(), [`b 0 pre-dump 77 ${real}`, `a 0 pre-dump 77 ${real}`]);
  await scripts.run('pre-restore', 'not started');
  assert.deepEqual(output(), [`b 0 pre-restore unset ${real}`, `a 0 pre-restore unset ${real}`]);
});

test('they run in the work folder, where a relative name begins', async () => {
  script('where', 0);
  writeFileSync(join(dir, 'where'), `#!/bin/sh\npwd >>${out}\n`);
  await make(['./where']).run('pre-dump', 'running', 1);
  assert.deepEqual(output(), [real]);
});

test('a fatal point: all scripts run, the exit statuses are OR-ed', async () => {
  const scripts = make([script('one', 1), script('four', 4), script('ok', 0)]);
  await assert.rejects(
    () => scripts.run('post-dump', 'frozen', 1),
    (error) => error instanceof CrError && error.code === 'CR_SCRIPT' && error.exitCode === 5 && error.target === 'frozen',
  );
  assert.equal(output().length, 3);
});

test('logged and ignored points go on', async () => {
  const lines: string[] = [];
  const scripts = make([script('bad', 3)], lines);
  await scripts.run('post-resume', 'running', 1);
  await scripts.run('network-unlock', 'running', 1);
  output();
  assert.match(lines[0] ?? '', /^Error \(x\): action script for post-resume failed: .*bad: exit status 3/);
  assert.match(lines[1] ?? '', /^Warn {2}\(x\): action script for network-unlock failed/);
});

test('the string is one program: no shell, no words', async () => {
  const scripts = make([`${script('a', 0)} argument`]);
  await assert.rejects(() => scripts.run('pre-dump', 'running'), /cannot be run: ENOENT/);
});

test('a cancelled run ends the script, also one that does not listen', async () => {
  const deaf = join(dir, 'deaf');
  writeFileSync(deaf, `#!/bin/sh\ntrap '' TERM\necho $$ >${out}\nwhile :; do sleep 0.1; done\n`);
  chmodSync(deaf, 0o755);
  const abort = new AbortController();
  const begun = performance.now();
  const run = make([script('never', 0), deaf], [], abort.signal).run('post-dump', 'frozen', 1);
  while (!existsSync(out)) await sleep(5);
  abort.abort(new CrError('CR_ABORTED', { message: 'stopped by SIGTERM' }));
  await assert.rejects(
    run,
    (error) =>
      error instanceof CrError &&
      error.code === 'CR_ABORTED' &&
      error.target === 'frozen' &&
      /SIGTERM while the action script for post-dump ran/.test(error.message),
  );
  assert.ok(performance.now() - begun < 10_000);
  const [pid] = output();
  assert.ok(!existsSync(`/proc/${pid}`), 'the script still runs');
  assert.ok(!existsSync(out), 'the next script has run');
});
