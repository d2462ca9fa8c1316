/** Where the kernel writes 0 and wakes a futex when the thread ends (set_tid_address(2)): what pthread_join waits for. */
import { arch } from '../arch/current.js';
import type { TaskResource } from './resource.js';

/** Needs CONFIG_CHECKPOINT_RESTORE. */
const PR_GET_TID_ADDRESS = 40;

export const clearChildTid: TaskResource = {
  name: 'clear-child-tid',
  readThread(p, thread) {
    const at = p.out(8);
    p.sys.prctl(PR_GET_TID_ADDRESS, at, 0, 0, 0).must('read the address that is cleared at the end of the thread');
    return () => {
      const info = arch.images.infoOf(thread.core);
      if (info) info.clear_tid_addr = at.u64();
    };
  },
  thread: {
    thread(p, thread) {
      const at = arch.images.infoOf(thread.core)?.clear_tid_addr ?? 0n;
      p.sys.set_tid_address(at).must('set the address that is cleared at the end of the thread');
    },
  },
};
