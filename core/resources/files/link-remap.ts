/** Files whose name is gone while another exists: the dump gives them one more, and they come back under the old name for a moment. */
import { join } from 'node:path';
import { CrError } from '../../errors.js';
import { FD_TYPES } from '../../images/generated/fdinfo.js';
import { encodeText } from '../../kernel/procfs/text.js';
import type { DumpContext, OpenFile, RestoreContext } from './kind.js';
import { checkName, lookAt, Names, removeSame } from './names.js';
import { folderLeft } from './naming.js';
import { NO_OWNER } from './owner.js';

const AT_FDCWD = -100;
const AT_SYMLINK_FOLLOW = 0x400;

/** Gives the file a name beside its old one, or above when that folder is gone, too; it stays in the file system with the images. */
export function dumpLink(file: OpenFile, name: string, { calls, newId, add, onUndo }: DumpContext): number {
  const id = newId();
  const remap = join(folderLeft(name), `link_remap.${id}`);
  const path = encodeText(remap);
  const from = calls.text(encodeText(file.proc));
  calls.must(
    { why: `give the deleted file ${name} the name ${remap}`, subject: { pid: file.pid }, target: 'running' },
    'linkat',
    AT_FDCWD,
    from,
    AT_FDCWD,
    calls.text(path, from.size),
    AT_SYMLINK_FOLLOW,
  );
  const made = lookAt(path);
  if (made) onUndo(() => removeSame(path, made));
  add({ type: FD_TYPES.REG, id, reg: { id, flags: 0, pos: 0n, fown: NO_OWNER, name: remap, build_id: [] } });
  return id;
}

/** A file to be: it lives under the temporary name that the dump gave it. */
export class LinkRemap {
  constructor(
    private readonly remapName: string,
    private readonly context: RestoreContext,
  ) {
    checkName(remapName);
    const at = lookAt(encodeText(remapName));
    if (at === null)
      throw new CrError('CR_FILE_CHANGED', {
        message: 'the name that the dump made for a deleted file is gone',
        subject: { path: remapName },
        hint: 'Bring back the file, or dump again.',
        target: 'not started',
      });
    // The image says that the name is one of ours, but only our pattern may be removed.
    if (/\/link_remap\.\d+$/.test(remapName)) context.onFinish(() => removeSame(encodeText(remapName), at));
  }

  openAs(name: string, open: (path: Buffer) => number): number {
    const { calls, thread } = this.context.run;
    const names = new Names(calls, thread.proc);
    const from = names.place(this.remapName);
    const to = names.place(name);
    try {
      const stat = lookAt(from.path);
      if (stat === null || !names.link(from.path, to)) return open(from.shown);
      try {
        return open(to.shown);
      } finally {
        names.remove(to, stat);
      }
    } finally {
      names.done(from);
      names.done(to);
      names.clean();
    }
  }
}
