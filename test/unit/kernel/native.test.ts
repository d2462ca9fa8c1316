/** The addon's edge: nothing that JavaScript passes may crash the process, and the deadline works whatever JavaScript does. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { after, test } from 'node:test';
import { PTRACE, WALL } from '../../../core/abi/ptrace.js';
import { ABANDONED, loadNative, type NativeThread } from '../../../core/kernel/native.js';
import { Arena } from '../../../core/program/arena.js';
import { Program } from '../../../core/program/program.js';

const native = loadNative();
const threads: NativeThread[] = [];
after(() => threads.forEach((thread) => thread.close()));

/** Not by kill(2): on a busy host the number may belong to another process already. */
function assertEnded(tid: number): void {
  assert.equal(existsSync(`/proc/self/task/${tid}`), false, `thread ${tid} is still there`);
}

function start(): NativeThread {
  const thread = new native.KernelThread();
  threads.push(thread);
  return thread;
}

function build(emit: (p: Program) => void, size = 65536): Program {
  const mapping = native.mapAnon(size);
  const program = new Program('test', new Arena(mapping, Number(mapping.addr)));
  emit(program);
  return program.end();
}

const at = (program: Program): bigint => BigInt(program.address);
const sleepForever = (p: Program): void => void p.wait(p.out(4), 1, 0).must('sleep for ever');

/** Calls a function of the addon with anything: the declared types are what is being got wrong. */
function call(target: object, name: string, ...args: unknown[]): unknown {
  return Reflect.apply(Reflect.get(target, name) as (...args: unknown[]) => unknown, target, args);
}

const NOT_ADDRESSES = [undefined, null, 0, 4096, -1n, 1n << 64n, '4096', {}, [], Symbol('x'), () => 0n, true];
const NOT_SIZES = [undefined, null, 0, -1, 1.5, NaN, Infinity, 2 ** 60, '4096', 4096n, {}, Symbol('x')];

test('arguments of a wrong type or range are TypeErrors', () => {
  const thread = start();
  for (const bad of NOT_ADDRESSES) {
    assert.throws(() => call(native, 'runHere', bad), TypeError);
    assert.throws(() => call(thread, 'runSync', bad), TypeError);
    assert.throws(() => call(thread, 'run', bad), TypeError);
  }
  for (const bad of NOT_SIZES) {
    assert.throws(() => call(native, 'mapAnon', bad), TypeError);
    assert.throws(() => call(native, 'mapFd', 0, bad, 0), TypeError);
    assert.throws(() => call(thread, 'arm', bad), TypeError);
    if (bad !== 0) assert.throws(() => call(native, 'cpuid', bad, 0), TypeError);
    if (bad !== 0) assert.throws(() => call(native, 'mapFd', 0, 4096, bad), TypeError);
    if (bad !== 0) assert.throws(() => call(native, 'mapFd', bad, 4096, 0), TypeError);
  }
  assert.throws(() => call(native, 'runHere'), TypeError);
  assert.throws(() => call(native, 'mapFd'), TypeError);
});

test('a program must lie in memory of the addon, aligned, and end there', () => {
  const mapping = native.mapAnon(4096);
  for (const address of [0n, 8n, mapping.addr - 64n, mapping.addr + 4096n, (1n << 64n) - 64n])
    assert.throws(() => native.runHere(address), RangeError);
  assert.throws(() => native.runHere(mapping.addr + 4n), /not aligned/);
  new Uint8Array(mapping.buffer).fill(1);
  assert.throws(() => native.runHere(mapping.addr), /no end cell/);
  native.unmap(mapping);
  assert.throws(() => native.runHere(mapping.addr), RangeError);
});

test('unmap takes only what was mapped, once', () => {
  const mapping = native.mapAnon(8192);
  const strangers = [
    undefined,
    null,
    7,
    {},
    { buffer: mapping.buffer },
    { buffer: new ArrayBuffer(8192), addr: mapping.addr },
    { buffer: mapping.buffer, addr: mapping.addr + 4096n },
    { buffer: mapping.buffer, addr: 0n },
    { buffer: new Uint8Array(8), addr: mapping.addr },
  ];
  for (const bad of strangers) assert.throws(() => call(native, 'unmap', bad), TypeError);
  const thrower = Object.defineProperty({}, 'buffer', {
    get() {
      throw new Error('from the getter');
    },
  });
  assert.throws(() => call(native, 'unmap', thrower), /from the getter/);
  assert.equal(mapping.buffer.byteLength, 8192);
  native.unmap(mapping);
  assert.equal(mapping.buffer.byteLength, 0);
  native.unmap(mapping);
});

test('a failed mapping names call and errno', () => {
  assert.throws(
    () => native.mapFd(999_999, 4096, 0),
    (error: NodeJS.ErrnoException) => error.errno === 9 && /mmap of a file of 4096 bytes: Bad file descriptor/.test(error.message),
  );
});

test('methods refuse a foreign this, the class refuses a plain call', () => {
  const { prototype } = native.KernelThread as unknown as { prototype: object };
  for (const name of ['run', 'runSync', 'interrupt', 'abandon', 'close', 'arm', 'disarm'])
    assert.throws(() => Reflect.apply(Reflect.get(prototype, name) as () => void, {}, []), TypeError);
  assert.throws(() => Reflect.apply(native.KernelThread as unknown as () => void, undefined, []), TypeError);
});

test('memory that is given back while a program runs in it lives until the program ends', async () => {
  const thread = start();
  const mapping = native.mapAnon(65536);
  const program = new Program('slow', new Arena(mapping, Number(mapping.addr)));
  const time = program.struct('timespec', { tv_nsec: 50_000_000 });
  program.sys.nanosleep(time, 0).must('sleep');
  for (let i = 0; i < 100; i++) program.sys.getpid().must('use the memory');
  const done = thread.run(at(program.end()));
  const { length } = program;
  native.unmap(mapping);
  assert.equal(await done, length - 1);
});

test('interrupt() ends a blocking call with EINTR', async () => {
  const thread = start();
  const program = build((p) => p.sys.rt_sigtimedwait(p.out(8), 0, 0, 8).must('wait for ever'));
  const done = thread.run(at(program));
  // The signal counts only while the call blocks: sent until it has.
  const timer = setInterval(() => thread.interrupt(), 5);
  assert.equal(await done, ~0);
  clearInterval(timer);
  assert.equal(program.resultOf(0), -4);
  assert.equal(thread.runSync(at(build((p) => p.sys.getpid().must('go on')))), 1, 'the thread still works');
});

test('the deadline ends a program while JavaScript waits for it', () => {
  const thread = start();
  thread.arm(30);
  const before = Date.now();
  assert.equal(thread.runSync(at(build(sleepForever))), ABANDONED);
  assert.ok(Date.now() - before >= 29);
  assert.equal(thread.dead, true);
  assert.equal(thread.disarm(), true);
  assertEnded(thread.tid);
  assert.equal(thread.runSync(at(build((p) => p.sys.getpid().must('too late')))), ABANDONED);
});

test('the deadline ends a program while JavaScript spins, and every queued one', async () => {
  const thread = start();
  const pending = [thread.run(at(build(sleepForever))), thread.run(at(build(sleepForever)))];
  thread.arm(20);
  const end = Date.now() + 60;
  while (Date.now() < end);
  assert.equal(thread.dead, true);
  assert.deepEqual(await Promise.all(pending), [ABANDONED, ABANDONED]);
});

test('a deadline that is disarmed in time, or replaced, does nothing', async () => {
  const thread = start();
  thread.arm(20);
  thread.arm(10_000);
  await new Promise((done) => setTimeout(done, 40));
  assert.equal(thread.dead, false);
  assert.equal(thread.disarm(), false);
  assert.equal(thread.disarm(), false);
});

test('hundreds of threads can be abandoned, also in the middle of a program', () => {
  for (let i = 0; i < 200; i++) {
    const thread = new native.KernelThread();
    if (i % 2 === 0) {
      thread.abandon();
      continue;
    }
    thread.arm(1);
    assert.equal(thread.runSync(at(build(sleepForever, 4096))), ABANDONED);
    assertEnded(thread.tid);
  }
});

test('a task that was held by an abandoned thread runs on', async () => {
  const child = spawn('sleep', ['60'], { stdio: 'ignore' });
  try {
    const thread = start();
    const pid = child.pid!;
    const status = thread.runSync(
      at(
        build((p) => {
          p.sys.ptrace(PTRACE.SEIZE, pid, 0, 0).must('seize the child');
          p.sys.ptrace(PTRACE.INTERRUPT, pid, 0, 0).must('stop the child');
          p.sys.wait4(pid, p.out(8), WALL, 0).must('wait for the stop');
        }),
      ),
    );
    assert.equal(status, 3);
    const state = (): string => /^State:\t(.)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]!;
    assert.equal(state(), 't');
    thread.arm(20);
    assert.equal(thread.runSync(at(build(sleepForever))), ABANDONED);
    assert.match(state(), /[SR]/);
    assert.match(readFileSync(`/proc/${pid}/status`, 'utf8'), /^TracerPid:\t0$/m);
  } finally {
    child.kill('SIGKILL');
    await new Promise((done) => child.once('exit', done));
  }
});
