/** --freeze-cgroup with both versions of cgroups. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, rmdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { criuTs } from '../helpers/run-command.js';

const dir = mkdtempSync(join(tmpdir(), 'criu-ts-cgroup-'));
const cleanUp: (() => void)[] = [];
after(() => {
  for (const step of cleanUp.reverse()) step();
  rmSync(dir, { recursive: true });
});

/** Where this machine has a freezer of that version. */
const mounts = readFileSync('/proc/self/mountinfo', 'utf8');
const V1 = /^\d+ \d+ \S+ \S+ (\S+) .* - cgroup \S+ \S*\bfreezer\b/m.exec(mounts)?.[1];
const V2 = /^\d+ \d+ \S+ \S+ (\S+) .* - cgroup2 /m.exec(mounts)?.[1];

interface Group {
  readonly path: string;
  readonly isFrozen: () => boolean;
  readonly freeze: (on: boolean) => void;
}

function group(root: string, version: 1 | 2): Group {
  const path = join(root, `criu-ts-test-${process.pid}`);
  mkdirSync(path);
  cleanUp.push(() => {
    // A killed task stays in the folder until init has collected it.
    for (let i = 0; i < 100; i++) if (spawnSync('rmdir', [path]).status === 0 || spawnSync('sleep', ['0.05']).status !== 0) return;
    rmdirSync(path);
  });
  const [file, on, off] = version === 2 ? ['cgroup.freeze', '1', '0'] : ['freezer.state', 'FROZEN', 'THAWED'];
  return {
    path,
    isFrozen: () => readFileSync(join(path, file), 'utf8').trim() === on,
    freeze: (wanted) => writeFileSync(join(path, file), wanted ? on : off),
  };
}

/** A shell that starts one short program after the other, in the cgroup. */
async function churn({ path, freeze }: Group, name: string): Promise<{ child: ChildProcess; count: () => number }> {
  const file = join(dir, name);
  const script = 'echo $$ >"$1/cgroup.procs"; i=0; while :; do i=$((i+1)); echo $i >"$0.new"; mv "$0.new" "$0"; done';
  const child = spawn('/bin/sh', ['-c', script, file, path], { detached: true, stdio: 'ignore' });
  cleanUp.push(() => {
    freeze(false);
    if (child.pid !== undefined && existsSync(`/proc/${child.pid}`)) process.kill(-child.pid, 'SIGKILL');
  });
  await sleep(300);
  return { child, count: () => Number(existsSync(file) ? readFileSync(file, 'utf8') : 0) };
}

for (const [version, root] of [
  [1, V1],
  [2, V2],
] as const) {
  test(`cgroup version ${version}: frozen for the dump, thawed after it; one that was frozen stays frozen`, async (t) => {
    if (root === undefined) return t.skip(`a freezer of cgroup version ${version}`);
    const freezer = group(root, version);
    const { child, count } = await churn(freezer, `count-${version}`);
    const pid = String(child.pid);
    const images = join(dir, `images-${version}`);
    mkdirSync(images);
    const words = ['dump', '-t', pid, '-D', images, '--freeze-cgroup', freezer.path];
    for (let round = 0; round < 10; round++) {
      const done = criuTs([...words, '-R']);
      assert.equal(done.stderr, '');
      assert.equal(done.status, 0);
      assert.equal(freezer.isFrozen(), false);
    }
    const before = count();
    await sleep(200);
    assert.ok(count() > before, 'it does not go on');

    freezer.freeze(true);
    await sleep(100);
    const still = count();
    assert.equal(criuTs([...words, '-R']).status, 0);
    assert.equal(freezer.isFrozen(), true);
    // A program that its parent waits for in vfork(2) must run up to its execve, and may come a little further before it is caught.
    const then = count();
    assert.ok(then <= still + 1, 'a frozen tree ran');
    await sleep(100);
    assert.equal(count(), then, 'a frozen tree runs');
    freezer.freeze(false);
    await sleep(200);
    assert.ok(count() > still, 'it does not go on');

    const end = new Promise((resolve) => child.once('exit', resolve));
    assert.equal(criuTs(words).status, 0);
    await end;
    assert.equal(freezer.isFrozen(), false);
  });
}

test('a folder that is no cgroup is refused before anything happens', () => {
  const child = spawn('sleep', ['1000'], { detached: true, stdio: 'ignore' });
  cleanUp.push(() => child.kill('SIGKILL'));
  const done = criuTs(['dump', '-t', String(child.pid), '-D', dir, '--freeze-cgroup', dir]);
  assert.equal(done.status, 1);
  assert.match(
    done.stderr,
    /CR_USAGE {2}\S+: is no cgroup that can be frozen: .*\n {2}target: running\. {2}Try: Give --freeze-cgroup the folder/,
  );
});
