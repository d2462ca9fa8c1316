// Runs the fresh bundle through what users do and stores the bytecode of every function that was needed.
//   rehearse.cjs dump|restore|other
// `dump` and `restore` end with 1 where no process can be checkpointed.
'use strict';
const { spawn, spawnSync } = require('node:child_process');
const { closeSync, mkdtempSync, openSync, renameSync, rmSync, writeFileSync } = require('node:fs');
const { join } = require('node:path');
const { tmpdir } = require('node:os');

const boot = join(__dirname, '../core/cli/boot.cjs');

/** Each may fail (no privilege, an old kernel): then its bytecode is merely less complete. */
const OTHERS = [
  ['--help'],
  ['config'],
  ['--version'],
  ['stages'],
  ['dump', '--no-such-option'],
  ['check', '--all'],
  ['check', '--feature', 'timerfd'],
  ['show', '/no/such/folder'],
];

/** A real dump, or a real restore, of a program that nobody misses. */
async function checkpoint(kind, main, scratch) {
  const target = spawn('sleep', ['60'], { detached: true, stdio: 'ignore', cwd: '/' });
  if (target.pid === undefined) throw new Error('no target');
  const ended = new Promise((resolve) => target.once('exit', resolve));
  const common = ['--no-default-config', '-D', scratch, '-v4', '-o'];
  const dump = ['dump', '-t', String(target.pid), '-R', ...common, 'dump.log'];
  const dumped =
    kind === 'dump' ? await main(dump) : spawnSync(process.execPath, [boot, ...dump], { stdio: 'ignore', timeout: 30_000 }).status;
  target.kill('SIGKILL');
  await ended;
  if (dumped !== 0) throw new Error('no checkpoint');
  if (kind === 'dump') return;
  // Our child, and a number that cannot be anybody else's before we have waited for it.
  if ((await main(['restore', '-d', ...common, 'restore.log'])) !== 0) throw new Error('no restore');
  process.kill(target.pid, 'SIGKILL');
}

async function rehearse(kind) {
  const { load } = require(boot);
  const { script, main, cacheFile } = load(kind, false);
  const scratch = mkdtempSync(join(tmpdir(), 'criu-ts-setup-'));
  try {
    if (kind === 'other') for (const words of OTHERS) await main([...words, '--no-default-config']);
    else await checkpoint(kind, main, scratch);
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
rehearse(process.argv[2]).then(
  () => process.exit(0),
  () => process.exit(1),
);
