/**
 * Registers of threads. Everything here is taken and set from outside (ptrace(2), GETREGSET; release.ts), so that no instruction of the task runs in
 * between.
 */
import { arch } from '../arch/current.js';
import { CrError } from '../errors.js';
import { loadNative } from '../kernel/native.js';
import type { TaskResource } from './resource.js';

export const registers: TaskResource = {
  name: 'registers',
  prepare: () => arch.images.prepare(loadNative),
  plan(task) {
    for (const { tid, core } of task.threads) arch.images.check(`core-${tid}.img`, core, loadNative);
    return [];
  },
  readOutside(_p, thread) {
    return () => {
      const { tracee } = thread;
      if (!tracee.registers || !tracee.extended) return;
      if (!arch.isNative(tracee.registers))
        throw new CrError('CR_UNSUPPORTED', {
          message: 'runs 32-bit code, which is not built yet',
          subject: { pid: tracee.pid, tid: tracee.tid },
          hint: 'Use CRIU for this program.',
          target: 'running',
        });
      // As CRIU does, a call that the freeze interrupted is stored in the state from which it goes on.
      const now = arch.resumed(tracee.registers, { signalPending: tracee.signalPending, sameTask: false });
      arch.images.store(thread.core, now, tracee.extended, loadNative);
    };
  },
};
