/**
 * Makes the image files of a large tree while it is looked at: a file system takes half a millisecond to make one, a tree of 100 processes has 700, and
 * the thread that does it would otherwise have nothing to do. Whether a file got there in time is seen by the writer when it needs it.
 */
import { closeSync, openSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { fileName } from '../images/kind.js';
import { IMAGE_MODE } from '../images/image-files.js';
import type { ImageWriter } from '../images/writer.js';
import { kindOf, type KindName } from '../images/magic.js';
import { KernelThread } from '../kernel/kernel-thread.js';
import { readThreads } from '../kernel/procfs/task-list.js';
import { O } from '../resources/files/open-flags.js';
import { FIRST_TABLE } from '../resources/files/table.js';
import type { TreeNode } from './tree.js';

/** With fewer files it would be over before it began. */
const MIN_FILES = 64;
/** Bounds our memory; the rest is made when it is needed. */
const MAX_FILES = 20_000;
const FILE_SIZE = 2 * 64 + 40;
const PER_PROCESS: readonly KindName[] = ['core', 'mm', 'ids', 'pagemap', 'fs'];

/** Names of the files that the tree will have, as it is now. */
function namesOf(thread: KernelThread, nodes: readonly TreeNode[]): string[] {
  const live = nodes.filter(({ stat }) => stat.state !== 'Z');
  const out: string[] = [];
  live.forEach((node, i) => {
    const pid = node.status.nsPid.at(-1) ?? node.pid;
    for (const kind of PER_PROCESS) out.push(fileName(kindOf(kind), pid));
    out.push(fileName(kindOf('fdinfo'), FIRST_TABLE + i), `pages-${i + 1}.img`);
    for (const tid of readThreads(thread.proc, node.pid) ?? []) if (tid !== node.pid) out.push(fileName(kindOf('core'), tid));
  });
  return out.slice(0, MAX_FILES);
}

export class FilesAhead {
  private readonly thread: KernelThread;
  private readonly folder: number;
  private readonly work: Promise<void>;

  private constructor(from: KernelThread, images: ImageWriter, names: readonly string[]) {
    this.thread = new KernelThread(from.native);
    this.thread.observer = from.observer;
    this.folder = openSync(images.dir, O.rdonly | O.directory);
    images.expect(names);
    const flags = O.rdwr | O.creat | O.excl | O.nofollow | O.cloexec;
    this.work = this.thread.onceAsync('images.ahead', 4096 + names.length * FILE_SIZE, (p) => {
      for (const name of names) {
        const file = p.sys
          .openat(this.folder, p.cstr(name), flags, IMAGE_MODE)
          .ignore('the writer makes what is missing, and says why it cannot');
        p.sys.close(file).ignore('nothing was opened, then');
      }
    });
  }

  /** Null when there is too little to do. */
  static start(thread: KernelThread, images: ImageWriter, nodes: readonly TreeNode[]): FilesAhead | null {
    if (availableParallelism() < 2) return null;
    const names = namesOf(thread, nodes);
    return names.length < MIN_FILES ? null : new FilesAhead(thread, images, names);
  }

  /** Before the writer finishes or removes what it made: nothing new may appear then. */
  async end(): Promise<void> {
    try {
      await this.work;
    } finally {
      this.thread.close();
      closeSync(this.folder);
    }
  }
}
