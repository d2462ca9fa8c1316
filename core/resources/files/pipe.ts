/** Pipes (pipe(7)): the ends are descriptions, the pipe itself is made once for all of them. */
import { closeSync, openSync } from 'node:fs';
import { FD_TYPES } from '../../images/generated/fdinfo.js';
import { dumpPipeData, fillPipe, makePipe, pipeIdOf, readPipeData, type PipeContent } from './pipe-data.js';
import { type FileKind, fileType, type RestoreContext, S } from './kind.js';
import { F, O, SETTABLE, reopenFlags } from './open-flags.js';

/** The pipes of one restore. */
class Pipes {
  private readonly contents: Map<number, PipeContent>;
  /** Ends that no description has taken yet, and one that opens more of them. */
  private readonly made = new Map<number, { read: number; write: number; any: number }>();

  constructor(private readonly context: RestoreContext) {
    this.contents = readPipeData(context.run, 'pipes-data');
    context.afterOpen(() => this.closeLeft());
    context.onUndo(() => this.closeLeft());
  }

  open(pipeId: number, flags: number): number {
    const { calls } = this.context.run;
    const pipe = this.made.get(pipeId) ?? this.make(pipeId);
    const mode = flags & O.accmode;
    const end = mode === O.rdonly ? 'read' : 'write';
    if (pipe[end] >= 0 && mode !== O.rdwr) {
      const fd = pipe[end];
      pipe[end] = -1;
      calls.must({ why: 'set the flags of a pipe' }, 'fcntl', fd, F.setfl, flags & SETTABLE);
      return fd;
    }
    return openSync(`/proc/self/fd/${pipe.any}`, reopenFlags(flags));
  }

  private make(pipeId: number) {
    const { calls, images } = this.context.run;
    const { read, write } = makePipe(calls, 0);
    const pipe = { read, write, any: openSync(`/proc/self/fd/${read}`, O.rdwr) };
    this.made.set(pipeId, pipe);
    const content = this.contents.get(pipeId);
    if (content) fillPipe(calls, images, 'pipes-data', write, content);
    return pipe;
  }

  private closeLeft(): void {
    for (const pipe of this.made.values()) for (const fd of [pipe.read, pipe.write, pipe.any]) if (fd >= 0) closeSync(fd);
    this.made.clear();
  }
}

export const pipe: FileKind = {
  name: 'pipe',
  type: FD_TYPES.PIPE,
  field: 'pipe',
  claims: (file) => fileType(file.stat.mode) === S.fifo && file.link.startsWith('pipe:['),
  dump(file, id, context) {
    const pipeId = pipeIdOf(file);
    context.add({ type: FD_TYPES.PIPE, id, pipe: { id, pipe_id: pipeId, flags: file.flags, fown: file.fown } });
    dumpPipeData('pipes-data', file, pipeId, context);
  },
  read({ id, pipe: entry }, context) {
    const { pipe_id, flags, fown } = entry!;
    const pipes = context.state('pipes', () => new Pipes(context));
    return { id, what: `pipe:[${pipe_id}]`, flags, fown, open: () => pipes.open(pipe_id, flags) };
  },
};
