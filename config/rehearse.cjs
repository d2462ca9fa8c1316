// Runs the fresh bundle through what users do and stores the bytecode of every function that was needed.
'use strict';
const { mkdtempSync, renameSync, rmSync, writeFileSync, openSync } = require('node:fs');
const { join } = require('node:path');
const { tmpdir } = require('node:os');

/** Each may fail (no privilege, an old kernel): then its bytecode is merely less complete. */
const REHEARSALS = [
  ['--help'],
  ['--version'],
  ['stages'],
  ['dump', '--no-such-option'],
  ['check', '--no-default-config', '--feature', 'timerfd'],
];

async function rehearse() {
  const { load } = require('../core/cli/boot.cjs');
  const scratch = mkdtempSync(join(tmpdir(), 'criu-ts-setup-'));
  try {
    const { script, main, cacheFile } = load(false);
    for (const words of [...REHEARSALS, ['dump', '--dry-run', '-D', scratch, '-t', String(process.ppid), '-o', 'log']]) await main(words);
    writeFileSync(`${cacheFile}.new`, script.createCachedData());
    renameSync(`${cacheFile}.new`, cacheFile);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

// The rehearsed commands talk to descriptors 1 and 2 directly; nobody should read that during set-up.
require('node:fs').closeSync(1);
openSync('/dev/null', 'w');
require('node:fs').closeSync(2);
openSync('/dev/null', 'w');
rehearse().then(
  () => process.exit(0),
  () => process.exit(1),
);
