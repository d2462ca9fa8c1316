/** Wrong targets, missing rights and unusable folders: each message names the thing, the cause, the state of the target and the next step. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { criuTs, launcher, type CommandOptions } from '../helpers/run-command.js';

const dir = mkdtempSync(join(tmpdir(), 'criu-ts-errors-'));
const images = join(dir, 'images');
mkdirSync(images);
chmodSync(dir, 0o755);
const children: ChildProcess[] = [];
after(() => {
  for (const child of children) child.kill('SIGKILL');
  rmSync(dir, { recursive: true });
});

const NOBODY = ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups', '--inh-caps', '-all', '--'];

/** A process in a session of its own, as a dump wants it. */
function victim(command = 'sleep', args = ['1000']): number {
  const child = spawn(command, args, { detached: true, stdio: 'ignore' });
  children.push(child);
  assert.ok(child.pid);
  return child.pid;
}

const stateOf = (pid: number): string => /^State:\s*(\S)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? '';
const tracerOf = (pid: number): string => /^TracerPid:\s*(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? '';

/** The whole of standard error must be this report, once. `Error (place): ` in front is the log's, as CRIU has it. */
function fails(args: readonly string[], report: RegExp, options: CommandOptions = {}): void {
  const done = criuTs(args, options);
  assert.equal(done.stdout, '');
  assert.match(done.stderr, new RegExp(`^(?:Error \\([\\w.]+:\\d+\\): )?${report.source}\\n$`, 's'));
  assert.equal(done.status, 1);
  assert.deepEqual(readdirSync(images), [], 'something was written');
}

test('no such pid', () => {
  fails(
    ['dump', '-t', '4194303', '-D', images],
    /CR_NO_PROCESS {2}pid 4194303: there is no such process\n {2}target: not started\. {2}Try: Check the pid given with --tree \(-t\)\./,
  );
});

test('own pid, and a parent of our own', () => {
  // exec: the shell becomes criu-ts, so that its pid is the one given.
  const own = spawnSync('/bin/sh', ['-c', `exec "${launcher}" dump --no-default-config -D "${images}" -t $$`], { encoding: 'utf8' });
  assert.match(own.stderr, /CR_NO_PROCESS {2}pid \d+: is criu-ts itself\n {2}target: running\. {2}Try: Name another process\.\n$/);
  assert.equal(own.status, 1);
  fails(
    ['dump', '-t', String(process.pid), '-D', images],
    /CR_NO_PROCESS {2}pid \d+: is a parent of criu-ts itself, which would be frozen with it\n {2}target: running\. {2}Try: Start criu-ts outside the tree, .*/,
  );
});

test('a kernel thread', (t) => {
  const kthread = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .find((pid) => {
      try {
        return pid !== '1' && readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ')[1] === '2';
      } catch {
        // Ended meanwhile.
        return false;
      }
    });
  if (kthread === undefined) return t.skip('kernel threads (hidden in this pid namespace)');
  fails(
    ['dump', '-t', kthread, '-D', images],
    /CR_NO_PROCESS {2}pid \d+: is a kernel thread\n {2}target: running\. {2}Try: Only user processes can be dumped\./,
  );
});

test('a zombie', async () => {
  // The shell becomes a sleep that never collects the child.
  const pid = victim('/bin/sh', ['-c', 'true & exec sleep 1000']);
  await sleep(200);
  const [zombie] = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ');
  assert.ok(zombie);
  assert.equal(stateOf(Number(zombie)), 'Z');
  fails(
    ['dump', '-t', zombie, '-D', images],
    /CR_NO_PROCESS {2}pid \d+: is a zombie\n {2}target: running\. {2}Try: Its parent must collect it; .*/,
  );
});

test('pid 1 of another pid namespace', async (t) => {
  if (spawnSync('unshare', ['-pf', 'true']).status !== 0) return t.skip('unshare of a pid namespace (needs CAP_SYS_ADMIN)');
  const outer = victim('unshare', ['-pf', '--kill-child', 'sleep', '1000']);
  await sleep(300);
  const [inner] = readFileSync(`/proc/${outer}/task/${outer}/children`, 'utf8').trim().split(' ');
  assert.ok(inner);
  fails(
    ['dump', '-t', inner, '-D', images, '-j'],
    /CR_UNSUPPORTED {2}pid \d+: 1 object cannot be checkpointed:\n {2}pid \d+ is in another pid namespace \(\d+\); not built yet: run criu-ts inside it\n {2}target: running\. {2}Try: .*/,
  );
  assert.equal(stateOf(Number(inner)), 'S');
});

test('no permission: dump, restore and their dry runs say which capabilities are missing', () => {
  const pid = victim();
  const reason = (what: string, capabilities: string, target: string) =>
    new RegExp(
      `CR_NO_PERMISSION {2}${what} needs ${capabilities}, which this process \\(uid 65534\\) does not have\\n {2}target: ${target}\\. {2}Try: Run as root \\(sudo criu-ts ${what} \\.\\.\\.\\), or in a container that grants them\\.`,
    );
  const dump = reason('dump', 'CAP_SYS_PTRACE, CAP_SYS_ADMIN or CAP_CHECKPOINT_RESTORE', 'running');
  for (const extra of [[], ['--dry-run']]) {
    fails(['dump', '-t', String(pid), '-D', images, ...extra], dump, { under: NOBODY });
    fails(['restore', '-D', images, ...extra], reason('restore', 'CAP_SYS_ADMIN or CAP_CHECKPOINT_RESTORE, .*CAP_KILL', 'not started'), {
      under: NOBODY,
    });
  }
  assert.equal(stateOf(pid), 'S');
  assert.equal(tracerOf(pid), '0');
});

test('image folder missing, no folder, read-only', (t) => {
  const pid = String(victim());
  const missing = join(dir, 'missing');
  fails(
    ['dump', '-t', pid, '-D', missing],
    /CR_IMAGE_DIR {2}\S+\/missing: the image folder does not exist\n {2}stat\("\S+\/missing"\) = ENOENT\n {2}target: running\. {2}Try: Make it first \(mkdir -p \S+\/missing\), .*/,
  );
  fails(
    ['restore', '-D', missing],
    /CR_IMAGE_DIR {2}\S+\/missing: the image folder does not exist\n {2}stat\("\S+\/missing"\) = ENOENT\n {2}target: not started\. {2}Try: .*--images-dir \(-D\)\./,
  );
  const file = join(dir, 'file');
  writeFileSync(file, '');
  fails(
    ['dump', '-t', pid, '-D', file],
    /CR_IMAGE_DIR {2}\S+\/file: the image folder is not a folder\n {2}stat\("\S+\/file"\) = ENOTDIR\n {2}target: running\. {2}Try: .*/,
  );
  fails(
    ['restore', '-D', file],
    /CR_IMAGE_DIR {2}\S+\/file: the image folder is not a folder\n {2}stat\("\S+\/file"\) = ENOTDIR\n {2}target: not started\. {2}Try: .*/,
  );
  readOnly(t, pid);
});

/** Root may write everywhere but on a read-only mount, so the command runs where one lies over the folder. */
function readOnly(t: { diagnostic: (text: string) => void }, pid: string): void {
  const script = `mount -t tmpfs -o ro tmpfs "${images}" && exec "${launcher}" dump --no-default-config -D "${images}" -t ${pid}`;
  const done = spawnSync('unshare', ['-m', '/bin/sh', '-c', script], { encoding: 'utf8' });
  t.diagnostic(done.stderr);
  assert.match(
    done.stderr,
    /CR_IMAGE_DIR {2}\S+: the image folder is on a read-only file system\n {2}access\("\S+", W_OK\|X_OK\) = EROFS\n {2}target: running\. {2}Try: Name another one .*\n$/,
  );
  assert.equal(done.status, 1);
  assert.equal(stateOf(Number(pid)), 'S');
}

test('images missing: the file and the state are named, nothing is created', () => {
  fails(
    ['restore', '-D', images],
    /CR_IMAGE_MISSING {2}\S+\/inventory\.img: does not exist\n {2}open\("\S+\/inventory\.img", .*\) = ENOENT\n {2}target: not started\. {2}Try: .*/,
  );
});

test('a log file gets the error too, and standard error shows it once', () => {
  const logs = join(dir, 'logs');
  mkdirSync(logs);
  const done = criuTs(['dump', '-t', '4194303', '-D', images, '-W', logs, '-o', 'dump.log', '-v4']);
  assert.equal(done.status, 1);
  assert.match(done.stderr, /^CR_NO_PROCESS {2}pid 4194303: there is no such process\n {2}target: not started\. .*\n$/);
  const log = readFileSync(join(logs, 'dump.log'), 'utf8');
  assert.equal(log.match(/^\(\d\d\.\d{6}\) Error \([\w.]+:\d+\): CR_NO_PROCESS {2}pid 4194303: there is no such process$/gm)?.length, 1);
  assert.match(log, /^\(00\.0\d{5}\) Version: 4\.2$/m);
});

test('what is not built yet, and a dump of nothing, are told in the log file too: as by CRIU', () => {
  for (const [words, says] of [
    [
      ['dump', '-t', '1', '--manage-cgroups'],
      /Error \(\S+\): CR_NOT_BUILT {2}option --manage-cgroups \(--manage-cgroups of CRIU\) is not built yet/,
    ],
    [['pre-dump', '-t', '1'], /Error \(\S+\): CR_NOT_BUILT {2}the command pre-dump is not built yet/],
    [['restore', '--lazy-pages'], /Error \(\S+\): CR_NOT_BUILT {2}option --lazy-pages/],
    [['dump'], /Error \(\S+\): CR_USAGE {2}dump needs the root of the tree/],
  ] as const) {
    const logs = mkdtempSync(join(dir, 'refused-'));
    const done = criuTs([...words, '-D', images, '-W', logs, '-o', 'refused.log']);
    assert.equal(done.status, 1);
    const log = readFileSync(join(logs, 'refused.log'), 'utf8');
    assert.match(log, says);
    assert.match(log, /target: not started/);
    assert.equal(done.stderr.match(/CR_/g)?.length, 1, done.stderr);
  }
});

test('a command line that nobody understands leaves no log file: as by CRIU', () => {
  const logs = mkdtempSync(join(dir, 'refused-'));
  for (const option of ['--no-such', '--ghost-limit=none'])
    assert.equal(criuTs(['dump', '-t', '1', '-D', images, '-W', logs, '-o', 'refused.log', option]).status, 1);
  assert.deepEqual(readdirSync(logs), []);
});

test('a log file that cannot be made is an error of its own', () => {
  const done = criuTs(['dump', '-t', '4194303', '-D', images, '-o', join(dir, 'no/such/dump.log')]);
  assert.equal(done.status, 1);
  assert.match(
    done.stderr,
    /^CR_USAGE {2}\S+dump\.log: cannot create the log file\n {2}openat\(.*\) = ENOENT\n {2}target: not started\. {2}Try: Check --log-file/,
  );
});

test('what CRIU has and we do not: refused by name, with 1, never ignored', () => {
  const cases: [string[], RegExp][] = [
    [['pre-dump', '-t', '1'], /CR_NOT_BUILT {2}the command pre-dump is not built yet\n.*/],
    [['swrk', '3'], /CR_NOT_BUILT {2}the command swrk is not built yet\n.*/],
    [['dump', '-t', '1', '--tcp-established'], /CR_NOT_BUILT {2}option --tcp-established .* is not built yet\n.*/],
    [['restore', '--exec-cmd', '--', 'true'], /CR_NOT_BUILT {2}option --exec-cmd .* is not built yet\n.*/],
    [['restore', '--leave-runing'], /CR_USAGE {2}unknown option --leave-runing\n.*nearest option is --leave-running; .*/],
    [['restore', '-S'], /CR_USAGE {2}--restore-sibling needs --restore-detached\n.*/],
    [['dump', '-t', '5', '-R', '-D', images, '--timeout', 'soon'], /CR_USAGE {2}--timeout: "soon" is not a number of seconds .*/],
  ];
  for (const [args, report] of cases) fails(args, report);
});

test('a pidfile that exists is refused before anything is restored', () => {
  writeFileSync(join(dir, 'pid'), '1');
  fails(
    ['restore', '-d', '-D', images, '--pidfile', join(dir, 'pid')],
    /CR_USAGE {2}\S+\/pid: cannot create the pidfile\n.*EEXIST\n {2}target: not started\. {2}Try: Remove the old pidfile or choose another name\./,
  );
  const fresh = join(dir, 'fresh-pid');
  const done = criuTs(['restore', '-d', '-D', images, '--pidfile', fresh]);
  assert.equal(done.status, 1);
  assert.ok(!readdirSync(dir).includes('fresh-pid'), 'a failed restore leaves no pidfile');
});

test('a dry run touches nothing and tells the size of the tree', () => {
  const pid = victim();
  const done = criuTs(['dump', '--dry-run', '-t', String(pid), '-D', images]);
  assert.equal(done.stderr, '');
  assert.equal(done.stdout, `Process ${pid} can be dumped: 1 process, 1 thread. Nothing was touched.\n`);
  assert.equal(done.status, 0);
  assert.deepEqual(readdirSync(images), []);
  assert.equal(tracerOf(pid), '0');
});
