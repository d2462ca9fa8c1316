/** Action scripts of a restore: names, order, what they see, and what a failure does. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { chmodSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { dump } from '../../core/index.js';
import { dumped, goesOn, startCounter, status } from '../helpers/counter.js';
import { criuTs } from '../helpers/run-command.js';
import { inFolder, killAll, WorkFolder } from '../helpers/work-folder.js';

const work = new WorkFolder('criu-ts-restore-scripts-');

test('scripts of a restore: names, order, pid', async () => {
  const target = await startCounter(work);
  await dumped(target);
  const log = join(target.folder, 'script-log');
  const script = join(target.folder, 'script');
  writeFileSync(
    script,
    `#!/bin/sh\n[ -e "$CRTOOLS_IMAGE_DIR/inventory.img" ] && echo "$CRTOOLS_SCRIPT_ACTION \${CRTOOLS_INIT_PID-none}" >>"${log}"\n`,
  );
  chmodSync(script, 0o755);
  const done = criuTs(['restore', '-d', '-D', target.images, '--action-script', script]);
  assert.equal(done.stderr, '');
  const { pid } = target;
  assert.deepEqual(readFileSync(log, 'utf8').trimEnd().split('\n'), [
    'pre-restore none',
    `post-restore ${pid}`,
    `pre-resume ${pid}`,
    `post-resume ${pid}`,
  ]);
  killAll(target.folder);
});

test('scripts of a restore with an IPC namespace: it is made between two of them', async () => {
  const { folder, images } = work.add();
  const child = spawn('/usr/bin/unshare', ['-i', 'sleep', '1000'], { cwd: folder, detached: true, stdio: 'ignore' });
  const { pid = 0 } = child;
  for (let i = 0; i < 1500 && !status(pid).startsWith('Name:\tsleep'); i++) await sleep(10);
  const ended = new Promise((resolve) => child.once('exit', resolve));
  await dump({ pid, imagesDir: images });
  await ended;
  const log = join(folder, 'script-log');
  const script = join(folder, 'script');
  writeFileSync(
    script,
    `#!/bin/sh\necho "$CRTOOLS_SCRIPT_ACTION \${CRTOOLS_INIT_PID-none} $(readlink /proc/$CRTOOLS_INIT_PID/ns/ipc)" >>"${log}"\n`,
  );
  chmodSync(script, 0o755);
  assert.equal(criuTs(['restore', '-d', '-D', images, '--action-script', script]).stderr, '');
  const lines = readFileSync(log, 'utf8').trimEnd().split('\n');
  const [own, theirs] = [readlinkSync('/proc/self/ns/ipc'), readlinkSync(`/proc/${pid}/ns/ipc`)];
  assert.notEqual(own, theirs);
  assert.deepEqual(lines, [
    'pre-restore none ',
    `setup-namespaces ${pid} ${own}`,
    `post-setup-namespaces ${pid} ${theirs}`,
    `post-restore ${pid} ${theirs}`,
    `pre-resume ${pid} ${theirs}`,
    `post-resume ${pid} ${theirs}`,
  ]);
  killAll(folder);
});

for (const [name, kept] of [
  ['pre-restore', false],
  ['post-restore', false],
  ['pre-resume', true],
  ['post-resume', true],
] as const) {
  test(`a failing ${name} script ${kept ? 'is only logged' : 'ends the restore, and nothing is left behind'}`, async () => {
    const target = await startCounter(work);
    const from = await dumped(target);
    const script = join(target.folder, 'script');
    writeFileSync(script, `#!/bin/sh\n[ "$CRTOOLS_SCRIPT_ACTION" != ${name} ] || exit 5\n`);
    chmodSync(script, 0o755);
    const done = criuTs(['restore', '-d', '-D', target.images, '--action-script', script]);
    assert.match(done.stderr, new RegExp(`action script for ${name} failed: \\S+: exit status 5`));
    assert.equal(done.status, kept ? 0 : 5);
    if (kept) await goesOn(target, from);
    else assert.deepEqual(inFolder(target.folder), []);
    killAll(target.folder);
  });
}
