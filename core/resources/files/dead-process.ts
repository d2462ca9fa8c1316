/** Files in /proc/PID of a process that has ended: another process has that number while they are opened. */
import { CrError } from '../../errors.js';
import { StandIn } from '../../kernel/stand-in.js';
import { encodeText } from '../../kernel/procfs/text.js';
import type { RestoreContext } from './kind.js';
import { lookAt } from './names.js';

const IN_PROC = /^\/proc\/([1-9]\d{0,6})(\/.*)?$/;
/** Folders whose files come and go with what the process has. Its namespaces are always there. */
const OWN_THINGS = /^\/(?:fd|fdinfo|map_files|task)\/./;

/** The process in whose folder the name is; null for what is not in one. */
export function processOf(name: string): { readonly pid: number; readonly rest: string } | null {
  const found = IN_PROC.exec(name);
  return found ? { pid: Number(found[1]), rest: found[2] ?? '' } : null;
}

/** Whether every process has a file of this name below /proc/PID. */
export function everyProcessHas(rest: string): boolean {
  return !OWN_THINGS.test(rest) && lookAt(encodeText(`/proc/self${rest}`)) !== null;
}

export class DeadProcess {
  private standIn: StandIn | null = null;

  /** Throws CR_IMAGE_BAD. */
  constructor(
    private readonly pid: number,
    private readonly context: RestoreContext,
  ) {
    const { tasks } = context.run;
    if (tasks.some((task) => task.pid === pid || task.threads.some(({ tid }) => tid === pid)))
      throw this.bad(`says that process ${pid} had ended, which is in the tree`);
  }

  private bad(message: string): CrError {
    const path = this.context.run.images.pathOf('remap-fpath.img');
    return new CrError('CR_IMAGE_BAD', { message, subject: { path }, target: 'not started' });
  }

  /** It stays until the tree has what it needs: a folder of a process that is gone cannot become a working directory (fchdir(2) asks for the process). */
  openAs(name: string, open: (path: Buffer) => number): number {
    const { run, onUndo, onFinish } = this.context;
    if (processOf(name)?.pid !== this.pid) throw this.bad(`has "${name}" as a file of process ${this.pid}`);
    if (this.standIn === null) {
      const made = new StandIn(run.thread, this.pid);
      this.standIn = made;
      onUndo(() => made.end());
      onFinish(() => made.end());
    }
    return open(encodeText(name));
  }
}
