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
/** sizeof(sigset_t) of the kernel. */
const MASK_SIZE = 8;
const SIG_IGN = 1;
const SS_ONSTACK = 1;
const SS_DISABLE = 2;
const SS_AUTODISARM = 0x80000000;

/** The images hold one action for each of these, in this order; SIGKILL and SIGSTOP have none. */
const SIGNALS: readonly number[] = Array.from({ length: LAST_SIGNAL }, (_, i) => i + 1).filter((n) => n !== SIGKILL && n !== SIGSTOP);

function setAction(p: Program, signal: number, entry: Pick<SaEntry, 'sigaction' | 'flags' | 'restorer' | 'mask'>): void {
  const { sigaction, flags, restorer, mask } = entry;
  const act = p.struct('sigaction', { sa_handler: sigaction, sa_flags: flags, sa_restorer: restorer, sa_mask: mask });
  p.sys.rt_sigaction(signal, act, 0, MASK_SIZE).must(`set the action of signal ${signal}`);
}

const isDefault = ({ sigaction, flags, restorer, mask }: SaEntry): boolean =>
  sigaction === 0n && flags === 0n && restorer === 0n && mask === 0n;

/** Gives every signal its default action. For the root before it has children, who inherit it: most actions of most tasks then need no call. */
export function emitDefaultActions(p: Program): void {
  const act = p.struct('sigaction');
  for (const signal of SIGNALS) p.sys.rt_sigaction(signal, act, 0, MASK_SIZE).must(`set the default action of signal ${signal}`);
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
    const actions = p.structs('sigaction', SIGNALS.length);
    SIGNALS.forEach((signal, i) => p.sys.rt_sigaction(signal, 0, actions[i]!, MASK_SIZE).must('read a signal action'));
    return () => {
      taskPart(task.core).sigactions = actions.map((action) => ({
        sigaction: action.get('sa_handler'),
        flags: action.get('sa_flags'),
        restorer: action.get('sa_restorer'),
        mask: action.get('sa_mask'),
        compat_sigaction: false,
      }));
    };
  },
  readThread(p, thread) {
    const stack = p.struct('stack');
    p.sys.sigaltstack(0, stack).must('read the alternate signal stack');
    return () => {
      // SS_ONSTACK is about the stack pointer, which is ours at the moment.
      threadPart(thread.core).sas = {
        ss_sp: stack.get('ss_sp'),
        ss_size: stack.get('ss_size'),
        ss_flags: (stack.get('ss_flags') & ~SS_ONSTACK) >>> 0,
      };
    };
  },
  process: {
    signals(p, task) {
      // Zombies and helpers told this task of their end. An action that ignores drops what is queued (sigaction(2), POSIX), and reaps nothing that
      // has ended already. The SIGCHLDs that the task really had come back with the queued signals.
      setAction(p, SIGCHLD, { sigaction: BigInt(SIG_IGN), flags: 0n, restorer: 0n, mask: 0n });
      taskPart(task.threads[0]!.core).sigactions.forEach((entry, i) => {
        const signal = SIGNALS[i]!;
        if (!isDefault(entry) || signal === SIGCHLD) setAction(p, signal, entry);
      });
    },
  },
  thread: {
    thread(p, thread) {
      const { sas } = threadPart(thread.core);
      if (!sas) return;
      const flags = (sas.ss_flags & ~SS_ONSTACK) >>> 0;
      // The kernel refuses a size that is too small even for a stack that is off (do_sigaltstack only skips the check with SS_DISABLE).
      const stack = p.struct('stack', { ss_sp: sas.ss_sp, ss_flags: flags, ss_size: sas.ss_size });
      p.sys.sigaltstack(stack, 0).must('set the alternate signal stack');
    },
  },
};
