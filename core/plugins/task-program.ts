/**
 * Runs a task program of a plugin in a process to be: in a mapping of its own, as the handler of a signal that the process sends itself, with a stack in that
 * mapping. Only system calls bring it there and take it away again, so the engine's code in the task stays as small as it is. If the program crashes, the
 * process ends and the restore fails; if it hangs, the deadline of the hook that waits for it ends the restore.
 */
import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { CrError } from '../errors.js';
import type { NativeRun, NativeRunOptions, SyscallProgram } from './contexts.js';
import { PLUGIN_TASK_ABI } from './api-version.js';
import { readTaskProgram, type TaskProgram } from './task-program-file.js';

export type RunInTask = <T>(name: string, emit: (program: SyscallProgram) => T) => Promise<T>;

const PAGE = 4096;
/** For the program, and for the registers that the kernel saves before it (some 11 KiB with all extended state). */
const STACK_BYTES = 128 << 10;
const MAX_DATA_BYTES = 1 << 20;
/** struct criu_ts_task_call (criu_ts_task.h). */
const CALL = { size: 48, result: 8, input: 16, inputSize: 24, output: 32, outputSize: 40 } as const;

const PROT = { readWrite: 3, readExec: 5 } as const;
const MAP_PRIVATE_ANONYMOUS = 0x22;
/** SIGRTMAX: nothing is pending in a process to be, and its handlers are not set yet. */
const SIGNAL = 64;
const MASK = 1n << BigInt(SIGNAL - 1);
const ALL_SIGNALS = (1n << 64n) - 1n;
/** SA_SIGINFO | SA_ONSTACK | SA_RESTORER. */
const SA_FLAGS = 0x0c00_0004;
const SIG_UNBLOCK = 1;
const SIG_SETMASK = 2;
/** struct siginfo of a queued signal: si_signo, si_code, si_value (asm/siginfo.h). */
const INFO = { size: 128, code: 8, value: 24 } as const;
const SI_QUEUE = -1;

const pages = (bytes: number) => Math.ceil(bytes / PAGE) * PAGE;

/** Where the parts lie in the mapping. */
interface Layout {
  readonly code: number;
  readonly call: number;
  readonly input: number;
  readonly output: number;
  readonly stack: number;
  readonly size: number;
}

function layoutOf(program: TaskProgram, inputBytes: number, outputBytes: number): Layout {
  const call = pages(program.bytes.length);
  const input = call + CALL.size;
  const output = input + Math.ceil(inputBytes / 16) * 16;
  const stack = pages(output + outputBytes);
  return { code: 0, call, input, output, stack, size: stack + STACK_BYTES };
}

/** @throws RangeError for a program or data that cannot be run, CrError when a call in the task fails */
export async function runTaskProgram(pid: number, run: RunInTask, bytes: Uint8Array, options: NativeRunOptions = {}): Promise<NativeRun> {
  const { input = new Uint8Array(0), outputBytes = 0 } = options;
  for (const [what, size] of Object.entries({ input: input.length, output: outputBytes }))
    if (!Number.isInteger(size) || size < 0 || size > MAX_DATA_BYTES)
      throw new RangeError(`${what} of ${size} bytes: at most ${MAX_DATA_BYTES} are taken`);
  const program = readTaskProgram(bytes);
  const layout = layoutOf(program, input.length, outputBytes);
  const base = await run('task.map', (p) =>
    p.sys.mmap(0, layout.size, PROT.readWrite, MAP_PRIVATE_ANONYMOUS, -1, 0).must('map a program of a plugin'),
  ).then((call) => call.result);
  withMemory(pid, (memory) => {
    memory.write(base, program.bytes);
    memory.write(base + layout.call, callBlock(base, layout, input.length, outputBytes));
    memory.write(base + layout.input, input);
  });
  await run('task.enter', (p) => enter(p, base, layout, program)).catch((error: unknown) => {
    throw error instanceof CrError && error.code === 'CR_RESTORE' ? crashed(pid, error) : error;
  });
  const answer = withMemory(pid, (memory) => ({
    result: Number(memory.read(base + layout.call + CALL.result, 8).readBigInt64LE()),
    output: memory.read(base + layout.output, outputBytes),
  }));
  await run('task.unmap', (p) => p.sys.munmap(base, layout.size).must('unmap the program of a plugin'));
  return answer;
}

function crashed(pid: number, cause: CrError): CrError {
  return new CrError('CR_RESTORE', {
    message: 'ended in its task program: that crashed, or somebody killed the process',
    subject: { pid },
    hint: 'The kernel log names the address of a crash; the program begins at a page.',
    target: 'destroyed',
    cause,
  });
}

function callBlock(base: number, { input, output }: Layout, inputBytes: number, outputBytes: number): Buffer {
  const block = Buffer.alloc(CALL.size);
  block.writeUInt32LE(PLUGIN_TASK_ABI, 0);
  block.writeUInt32LE(CALL.size, 4);
  block.writeBigUInt64LE(BigInt(base + input), CALL.input);
  block.writeBigUInt64LE(BigInt(inputBytes), CALL.inputSize);
  block.writeBigUInt64LE(BigInt(base + output), CALL.output);
  block.writeBigUInt64LE(BigInt(outputBytes), CALL.outputSize);
  return block;
}

/** Afterwards mask, handler and signal stack are what they were. */
function enter(p: SyscallProgram, base: number, { call, stack }: Layout, { bytes, entry, leave }: TaskProgram): void {
  const old = { stack: p.struct('stack'), action: p.struct('sigaction'), mask: p.out(8) };
  const action = { sa_handler: base + entry, sa_flags: SA_FLAGS, sa_restorer: base + leave, sa_mask: ALL_SIGNALS };
  const info = p
    .out(INFO.size)
    .setU32(0, SIGNAL)
    .setU32(INFO.code, SI_QUEUE)
    .setU64(INFO.value, base + call);
  p.sys.mprotect(base, pages(bytes.length), PROT.readExec).must('let the program of a plugin run');
  p.sys.sigaltstack(p.struct('stack', { ss_sp: base + stack, ss_size: STACK_BYTES }), old.stack).must('give it a stack');
  p.sys.rt_sigaction(SIGNAL, p.struct('sigaction', action), old.action, 8).must('make it a handler');
  const pid = p.sys.getpid().ignore('cannot fail');
  const tid = p.sys.gettid().ignore('cannot fail');
  p.sys.rt_tgsigqueueinfo(pid, tid, SIGNAL, info).must('queue its signal');
  // Where the signal was blocked until now, the program runs before this call returns.
  p.sys.rt_sigprocmask(SIG_UNBLOCK, p.out(8).setU64(0, MASK), old.mask, 8).must('let the signal in');
  p.sys.rt_sigprocmask(SIG_SETMASK, old.mask, 0, 8).must('restore the mask');
  p.sys.rt_sigaction(SIGNAL, old.action, 0, 8).must('restore the handler');
  p.sys.sigaltstack(old.stack, 0).must('restore the signal stack');
}

interface Memory {
  /** The bytes, all of them. */
  read(address: number, size: number): Buffer;
  write(address: number, bytes: Uint8Array): void;
}

function withMemory<T>(pid: number, work: (memory: Memory) => T): T {
  const fd = openSync(`/proc/${pid}/mem`, 'r+');
  try {
    return work({
      read: (address, size) => {
        const bytes = Buffer.alloc(size);
        for (let done = 0; done < size;) {
          const got = readSync(fd, bytes, done, size - done, address + done);
          if (got === 0) throw new RangeError(`pid ${pid}: no memory at 0x${(address + done).toString(16)}`);
          done += got;
        }
        return bytes;
      },
      write: (address, bytes) => {
        for (let done = 0; done < bytes.length;) done += writeSync(fd, bytes, done, bytes.length - done, address + done);
      },
    });
  } finally {
    closeSync(fd);
  }
}
