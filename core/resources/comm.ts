/** Names of threads (prctl(2), PR_SET_NAME): 15 bytes of anything but NUL. The leader's is that of the process. */
import { decodeText, encodeText } from '../kernel/procfs/text.js';
import type { TaskResource } from './resource.js';
import { taskPart, threadPart, whose } from './task-parts.js';

const PR_SET_NAME = 15;
const PR_GET_NAME = 16;
/** TASK_COMM_LEN, linux/sched.h. */
const COMM_SIZE = 16;

/** The text up to the NUL that ends it. */
export function commOf(bytes: Buffer): string {
  const end = bytes.indexOf(0);
  return decodeText(bytes, 0, end < 0 ? bytes.length : end);
}

/** Why this name cannot be set, or nothing. */
export function commProblem(name: string): string | null {
  const bytes = encodeText(name);
  if (bytes.includes(0)) return 'has a name with a NUL byte: the image is damaged';
  // The kernel would cut it off without a word.
  return bytes.length < COMM_SIZE ? null : `has a name of ${bytes.length} bytes; a name has at most ${COMM_SIZE - 1}`;
}

/** Images of CRIU before 4.0 name the process only. */
function nameOf(thread: {
  readonly core: Parameters<typeof threadPart>[0];
  readonly task: { readonly core: Parameters<typeof taskPart>[0] | null };
}): string {
  return threadPart(thread.core).comm ?? (thread.task.core ? taskPart(thread.task.core).comm : '');
}

export const comm: TaskResource = {
  name: 'comm',
  readThread(p, thread) {
    const at = p.out(COMM_SIZE);
    p.sys.prctl(PR_GET_NAME, at, 0, 0, 0).must('read the name');
    return () => {
      const name = commOf(at.copy());
      threadPart(thread.core).comm = name;
      if (thread.core === thread.task.core) taskPart(thread.core).comm = name;
    };
  },
  plan: (task) =>
    task.threads.flatMap((thread) => {
      const problem = commProblem(nameOf(thread));
      return problem === null ? [] : [whose(task.pid, thread.tid) + problem];
    }),
  thread: {
    thread(p, thread) {
      p.sys.prctl(PR_SET_NAME, p.cstr(encodeText(nameOf(thread))), 0, 0, 0).must('set the name');
    },
  },
};
