/**
 * Signal actions, masks and alternate stacks. Actions belong to the process, masks and stacks to threads (signal(7), sigaction(2), sigaltstack(2)).
 * Actions are asked for inside (nothing outside tells the handler's address), masks are read and set by the tracer, so no handler can run in between.
 */
import { constants } from 'node:os';
import type { SaEntry } from '../images/generated/core.js';
import type { Program } from '../program/program.js';
import type { RestoreTask } from '../restore/model.js';
import type { TaskResource } from './resource.js';
import { taskPart, threadPart, whose } from './task-parts.js';

const { SIGKILL, SIGSTOP, SIGCHLD } = constants.signals;
/** _NSIG on x86-64 and arm64. */
const LAST_SIGNAL = 64;
/** The kernel's struct sigaction: handler, flags, restorer, mask (arch/x86/include/uapi/asm/signal.h). */
const ACTION_SIZE = 32;
const MASK_SIZE = 8;
const SIG_IGN = 1;
/** stack_t: sp, flags, size. */
const STACK_SIZE = 24;
const SS_ONSTACK = 1;
const SS_DISABLE = 2;
const SS_AUTODISARM = 0x80000000;

/** The images hold one action for each of these, in this order; SIGKILL and SIGSTOP have none. */
const SIGNALS: readonly number[] = Array.from({ length: LAST_SIGNAL }, (_, i) => i + 1).filter((n) => n !== SIGKILL && n !== SIGSTOP);

function setAction(p: Program, signal: number, entry: Pick<SaEntry, 'sigaction' | 'flags' | 'restorer' | 'mask'>): void {
  const act = p.out(ACTION_SIZE).setU64(0, entry.sigaction).setU64(8, entry.flags).setU64(16, entry.restorer).setU64(24, entry.mask);
  p.sys.rt_sigaction(signal, act, 0, MASK_SIZE).must(`set the action of signal ${signal}`);
}

function problemsOf(task: RestoreTask): string[] {
  const out: string[] = [];
  const { length } = taskPart(task.threads[0]!.core).sigactions;
  if (length !== SIGNALS.length) out.push(`has ${length} signal actions instead of ${SIGNALS.length}: the image is damaged`);
  for (const thread of task.threads) {
    const { sas } = threadPart(thread.core);
    if (sas && (sas.ss_flags & ~(SS_ONSTACK | SS_DISABLE | SS_AUTODISARM)) >>> 0 !== 0)
      out.push(`${whose(task.pid, thread.tid)}has an alternate stack with unknown flags 0x${sas.ss_flags.toString(16)}`);
  }
  return out;
}

export const signals: TaskResource = {
  name: 'signals',
  plan: problemsOf,
  readOutside(_p, thread) {
    return () => {
      threadPart(thread.core).blk_sigset = thread.tracee.mask;
      if (thread.core === thread.task.core) taskPart(thread.core).blk_sigset = thread.tracee.mask;
    };
  },
  readInside(p, task) {
    const actions = p.out(SIGNALS.length * ACTION_SIZE);
    SIGNALS.forEach((signal, i) => p.sys.rt_sigaction(signal, 0, actions.at(i * ACTION_SIZE), MASK_SIZE).must('read a signal action'));
    return () => {
      taskPart(task.core).sigactions = SIGNALS.map((_, i) => ({
        sigaction: actions.u64(i * ACTION_SIZE),
        flags: actions.u64(i * ACTION_SIZE + 8),
        restorer: actions.u64(i * ACTION_SIZE + 16),
        mask: actions.u64(i * ACTION_SIZE + 24),
        compat_sigaction: false,
      }));
    };
  },
  readThread(p, thread) {
    const stack = p.out(STACK_SIZE);
    p.sys.sigaltstack(0, stack).must('read the alternate signal stack');
    return () => {
      // SS_ONSTACK is about the stack pointer, which is ours at the moment.
      threadPart(thread.core).sas = { ss_sp: stack.u64(), ss_size: stack.u64(16), ss_flags: (stack.u32(8) & ~SS_ONSTACK) >>> 0 };
    };
  },
  process: {
    signals(p, task) {
      // Zombies and helpers told this task of their end. An action that ignores drops what is queued (sigaction(2), POSIX), and reaps nothing that
      // has ended already. The SIGCHLDs that the task really had come back with the queued signals.
      setAction(p, SIGCHLD, { sigaction: BigInt(SIG_IGN), flags: 0n, restorer: 0n, mask: 0n });
      taskPart(task.threads[0]!.core).sigactions.forEach((entry, i) => setAction(p, SIGNALS[i]!, entry));
    },
  },
  thread: {
    thread(p, thread) {
      const { sas } = threadPart(thread.core);
      if (!sas) return;
      const flags = (sas.ss_flags & ~SS_ONSTACK) >>> 0;
      // The kernel refuses a size that is too small even for a stack that is off (do_sigaltstack only skips the check with SS_DISABLE).
      const stack = p.out(STACK_SIZE).setU64(0, sas.ss_sp).setU32(8, flags).setU64(16, sas.ss_size);
      p.sys.sigaltstack(stack, 0).must('set the alternate signal stack');
    },
  },
};
