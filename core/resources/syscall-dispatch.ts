/** Syscall user dispatch (prctl(2), PR_SET_SYSCALL_USER_DISPATCH; used by Wine) is not built yet: who has it is refused, never silently without it. */
import { PTRACE } from '../abi/ptrace.js';
import { CrError } from '../errors.js';
import type { TaskResource } from './resource.js';

export const syscallDispatch: TaskResource = {
  name: 'syscall-dispatch',
  readOutside(p, thread) {
    const config = p.struct('ptrace_sud_config');
    p.sys
      .ptrace(PTRACE.GET_SYSCALL_USER_DISPATCH_CONFIG, thread.tid, config.size, config)
      .ignore('before Linux 6.4 nobody can tell from outside; then it stays zero');
    return () => {
      if (config.get('mode') === 0n) return;
      const subject = { pid: thread.task.pid, tid: thread.tid };
      throw new CrError('CR_UNSUPPORTED', { message: 'uses syscall user dispatch, which is not built yet', subject, target: 'running' });
    };
  },
};
