import assert from 'node:assert/strict';
import { type SpawnSyncReturns, spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';

/** From dist/test/integration. */
const root = join(dirname(fileURLToPath(import.meta.url)), '../../..');
const launcher = join(root, 'core/cli/criu-ts');
const dir = mkdtempSync(join(tmpdir(), 'criu-ts-launcher-'));
after(() => rmSync(dir, { recursive: true }));

const BARE_PATH = '/usr/sbin:/usr/bin:/sbin:/bin';

/** The command goes through Node (an unknown option), unlike --version, which the shell answers. */
const USAGE = /^CR_USAGE {2}unknown option --leave-runing\n.*nearest option is --leave-running/;

function sh(script: string, options: { cwd?: string; path?: string } = {}): SpawnSyncReturns<string> {
  const env = { PATH: options.path ?? BARE_PATH, LAUNCHER: launcher, DIR: dir, NODE_OPTIONS: '--require=./no-such-file.js' };
  return spawnSync('/bin/sh', ['-c', script], { encoding: 'utf8', cwd: options.cwd ?? '/', env });
}

test('by absolute path from another folder, with a bare PATH', () => {
  const done = sh('"$LAUNCHER" dump --leave-runing', { cwd: dir });
  assert.match(done.stderr, USAGE);
  assert.equal(done.status, 1);
});

test('through relative and absolute symbolic links, and by PATH', () => {
  symlinkSync(launcher, join(dir, 'absolute'));
  symlinkSync('absolute', join(dir, 'criu-ts'));
  for (const script of [
    '"$DIR/criu-ts" --leave-runing',
    './criu-ts --leave-runing',
    'criu-ts --leave-runing',
    'sh criu-ts --leave-runing',
  ]) {
    assert.match(sh(script, { cwd: dir, path: `${dir}:${BARE_PATH}` }).stderr, USAGE, script);
  }
});

/** A launcher with a `node` that prints what it is given, and the file that set-up leaves beside it. */
function withNode(body: (folder: string) => void): void {
  const folder = mkdtempSync(join(dir, 'node-'));
  const cli = join(folder, 'core/cli');
  mkdirSync(cli, { recursive: true });
  for (const name of ['criu-ts', 'boot.cjs']) copyFileSync(join(root, 'core/cli', name), join(cli, name));
  symlinkSync(join(root, 'dist'), join(folder, 'dist'));
  writeFileSync(join(folder, 'node'), '#!/bin/sh\nprintf "%s\\n" "$@"\n', { mode: 0o755 });
  writeFileSync(join(cli, '.node-path'), `${folder}/node\n--one=1 --two\n`);
  body(folder);
}

test('Node gets the flags that set-up found it to take, and none when another one is there now', () => {
  withNode((folder) => {
    const [node, told] = [join(folder, 'node'), join(folder, 'core/cli/.node-path')];
    const words = () =>
      sh(`"${folder}/core/cli/criu-ts" stages`, { path: `${folder}:${BARE_PATH}` })
        .stdout.split('\n')
        .slice(0, -1);
    const [boot, now] = [`${folder}/core/cli/boot.cjs`, Date.now() / 1000];
    for (const [its, ours, flags] of [
      [now, now, ['--one=1', '--two']],
      [now, now - 100, []],
      [now - 100, now, []],
    ] as const) {
      utimesSync(node, its, its);
      utimesSync(told, ours, ours);
      assert.deepEqual(words(), [...flags, boot, 'stages']);
    }
    // That of PATH, when the one of set-up is gone.
    writeFileSync(told, `/no/such/node\n--one=1 --two\n`);
    assert.deepEqual(words(), [boot, 'stages']);
  });
});

test('set-up keeps only flags that Node knows', () => {
  const module = JSON.stringify(join(root, 'config/node-flags.mjs'));
  const code = `import { acceptedFlags } from ${module}; console.log(acceptedFlags(process.execPath, ['--no-such-flag=1', '--stack-size=900', '--none-either']).join())`;
  const done = spawnSync(process.execPath, ['--input-type=module', '-e', code], { encoding: 'utf8' });
  assert.equal(done.stdout, '--stack-size=900\n', done.stderr);
});

test('--version and --help print what the program prints, without Node', () => {
  for (const word of ['--version', '-V', '--help', '-h']) {
    const quick = sh(`"$LAUNCHER" ${word}`);
    const slow = spawnSync(process.execPath, [join(root, 'core/cli/boot.cjs'), word], { encoding: 'utf8' });
    assert.equal(quick.stdout, slow.stdout);
    assert.notEqual(quick.stdout, '');
    assert.equal(quick.status, 0);
  }
  assert.match(sh('"$LAUNCHER" -V').stdout, /^Version: 4\.\d+\ncriu-ts: /);
});

test('standard descriptors closed: nothing else gets their numbers, the exit status is right', () => {
  for (const closed of ['<&-', '>&-', '2>&-', '<&- >&-', '<&- >&- 2>&-']) {
    assert.equal(sh(`"$LAUNCHER" dump --leave-runing ${closed}`).status, 1, closed);
    assert.equal(sh(`"$LAUNCHER" --version ${closed}`).status, 0, closed);
  }
  // The log must not land in whatever got number 1 or 2.
  const done = sh(`"$LAUNCHER" dump --leave-runing <&- >&- 2>"$DIR/err"`);
  assert.equal(done.status, 1);
  assert.match(readFileSync(join(dir, 'err'), 'utf8'), USAGE);
});

test('descriptors of the caller stay open', () => {
  writeFileSync(join(dir, 'config'), 'no-such-option\n');
  const done = sh(`"$LAUNCHER" dump --config /proc/self/fd/9 9<"$DIR/config" 3</dev/null`);
  assert.match(done.stderr, /^CR_USAGE {2}unknown option \/proc\/self\/fd\/9:1: no-such-option/);
});

test('inside fresh mount, pid, net and time namespaces', (t) => {
  const probe = spawnSync('unshare', ['-mpnT', '--fork', 'true']);
  if (probe.status !== 0) return t.skip('unshare of mount, pid, net and time namespaces (needs CAP_SYS_ADMIN)');
  const script = 'mount -t proc proc /proc && exec "$LAUNCHER" dump --leave-runing';
  const done = spawnSync('unshare', ['-mpnT', '--fork', '/bin/sh', '-c', script], {
    encoding: 'utf8',
    env: { PATH: BARE_PATH, LAUNCHER: launcher },
  });
  assert.match(done.stderr, USAGE);
  assert.equal(done.status, 1);
});
