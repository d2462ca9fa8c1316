// Runs the fresh bundle through what users do and stores the bytecode of every function that was needed.
//   --light  only what starts no process
'use strict';
const { spawn } = require('node:child_process');
const { closeSync, mkdtempSync, openSync, renameSync, rmSync, writeFileSync } = require('node:fs');
const { join } = require('node:path');
const { tmpdir } = require('node:os');

/** Each may fail (no privilege, an old kernel): then its bytecode is merely less complete. */
const REHEARSALS = [
  ['--help'],
  ['--version'],
  ['stages'],
  ['dump', '--no-such-option'],
  ['check', '--all'],
  ['check', '--feature', 'timerfd'],
];

/** A real dump and a real restore of a program that nobody misses. */
async function checkpoint(main, scratch) {
  const target = spawn('sleep', ['60'], { detached: true, stdio: 'ignore', cwd: '/' });
  if (target.pid === undefined) return;
  const ended = new Promise((resolve) => target.once('exit', resolve));
  const common = ['--no-default-config', '-D', scratch, '-v4', '-o'];
  const dumped = await main(['dump', '-t', String(target.pid), '-R', ...common, 'dump.log']);
  target.kill('SIGKILL');
  await ended;
  if (dumped !== 0) return;
  // Our child, and a number that cannot be anybody else's before we have waited for it.
  if ((await main(['restore', '-d', ...common, 'restore.log'])) === 0) process.kill(target.pid, 'SIGKILL');
  await main(['show', scratch]);
}

async function rehearse() {
  const { load } = require('../core/cli/boot.cjs');
  const scratch = mkdtempSync(join(tmpdir(), 'criu-ts-setup-'));
  try {
    const { script, main, cacheFile } = load(false);
    for (const words of REHEARSALS) await main([...words, '--no-default-config']);
    if (!process.argv.includes('--light')) await checkpoint(main, scratch);
    writeFileSync(`${cacheFile}.new`, script.createCachedData());
    renameSync(`${cacheFile}.new`, cacheFile);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

// The rehearsed commands talk to descriptors 1 and 2 directly; nobody should read that during set-up.
for (const fd of [1, 2]) {
  closeSync(fd);
  openSync('/dev/null', 'w');
}
rehearse().then(
  () => process.exit(0),
  () => process.exit(1),
);
