/** Named pipes (fifo(7)): opened by path, with the content of a pipe. */
import { closeSync } from 'node:fs';
import { CrError } from '../../errors.js';
import { FD_TYPES } from '../../images/generated/fdinfo.js';
import { type FileKind, fileType, type RestoreContext, S } from './kind.js';
import { bytesOf, namingOf } from './naming.js';
import { O, reopenFlags } from './open-flags.js';
import { dumpPipeData, fillPipe, pipeIdOf, readPipeData, type PipeContent } from './pipe-data.js';
import { dumpPath, pathEntry, type PathFile } from './reg.js';

/** The fifos of one restore. */
class Fifos {
  private readonly contents: Map<number, PipeContent>;
  private readonly helpers = new Map<number, number>();

  constructor(private readonly context: RestoreContext) {
    this.contents = readPipeData(context.run, 'fifo-data');
    context.afterOpen(() => this.closeHelpers());
    context.onUndo(() => this.closeHelpers());
  }

  /** A helper with both ends keeps the opens from waiting for each other, and the content from being dropped in between. */
  open(pipeId: number, path: PathFile): number {
    if ((path.flags & O.path) !== 0) return path.openPath(reopenFlags(path.flags));
    if (!this.helpers.has(pipeId)) {
      const { calls, images } = this.context.run;
      const helper = path.openPath(O.rdwr);
      this.helpers.set(pipeId, helper);
      const content = this.contents.get(pipeId);
      if (content) fillPipe(calls, images, 'fifo-data', helper, content);
    }
    return path.openPath(reopenFlags(path.flags));
  }

  private closeHelpers(): void {
    for (const fd of this.helpers.values()) closeSync(fd);
    this.helpers.clear();
  }
}

export const fifo: FileKind = {
  name: 'fifo',
  type: FD_TYPES.FIFO,
  field: 'fifo',
  claims: (file) => fileType(file.stat.mode) === S.fifo && file.link.startsWith('/'),
  refuse(file, { options, hasLocks }) {
    const { state, name } = namingOf(file, options.evasiveDevices);
    if (state === 'hidden') return `is the fifo ${name}, which cannot be reached by that name`;
    if (state === 'unlinked' && !options.linkRemap) return `is the fifo ${name}, whose name is gone while it has others: use --link-remap`;
    if (!options.fileLocks && hasLocks(file)) return `is the fifo ${name}, which is locked: dump locks with --file-locks`;
    return state === 'ghost' && bytesOf(file) > BigInt(options.ghostLimit) ? `is the deleted fifo ${name}: raise --ghost-limit` : null;
  },
  dump(file, id, context) {
    const regId = context.newId();
    const pipeId = pipeIdOf(file);
    dumpPath(file, regId, context);
    context.add({ type: FD_TYPES.FIFO, id, fifo: { id, pipe_id: pipeId, regf_id: regId } });
    // What only names the fifo has no pipe.
    if ((file.flags & O.path) === 0) dumpPipeData('fifo-data', file, pipeId, context);
  },
  read({ id, fifo: entry }, context) {
    const { pipe_id, regf_id } = entry!;
    if (regf_id === undefined)
      throw new CrError('CR_IMAGE_BAD', { message: `fifo ${id} has no path`, subject: { path: 'files.img' }, target: 'not started' });
    const path = pathEntry(context.entry(regf_id, `fifo ${id} has its path there`), context);
    const fifos = context.state('fifos', () => new Fifos(context));
    return { id, what: path.what, flags: path.flags, fown: path.fown, open: () => fifos.open(pipe_id, path) };
  },
};
