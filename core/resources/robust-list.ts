/** Robust futexes of a thread (get_robust_list(2)): what the kernel marks when the thread dies with locks held. */
import type { TaskResource } from './resource.js';
import { threadPart, whose } from './task-parts.js';

/** sizeof(struct robust_list_head), linux/futex.h; set_robust_list takes no other. */
const HEAD_SIZE = 24;

export const robustList: TaskResource = {
  name: 'robust-list',
  readOutside(p, thread) {
    const head = p.out(8);
    const size = p.out(8);
    p.sys.get_robust_list(thread.tid, head, size).must('read the robust futex list');
    return () => {
      const core = threadPart(thread.core);
      core.futex_rla = head.u64();
      core.futex_rla_len = size.u32();
    };
  },
  plan: (task) =>
    task.threads.flatMap((thread) => {
      const { futex_rla, futex_rla_len } = threadPart(thread.core);
      return futex_rla === 0n || futex_rla_len === HEAD_SIZE
        ? []
        : [`${whose(task.pid, thread.tid)}has a robust list head of ${futex_rla_len} bytes; it has ${HEAD_SIZE}`];
    }),
  thread: {
    thread(p, thread) {
      const { futex_rla } = threadPart(thread.core);
      if (futex_rla !== 0n) p.sys.set_robust_list(futex_rla, HEAD_SIZE).must('set the robust futex list');
    },
  },
};
