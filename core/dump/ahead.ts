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
import { FIRST_SHMID } from '../resources/files/memfd.js';
import { O } from '../resources/files/open-flags.js';
import { FIRST_TABLE } from '../resources/files/table.js';
import type { TreeNode } from './tree.js';

/** With fewer files it would be over before it began. */
const MIN_FILES = 64;
/** Bounds our memory; the rest is made when it is needed. */
const MAX_FILES = 20_000;
const FILE_SIZE = 2 * 64 + 40;
const PER_PROCESS: readonly KindName[] = ['core', 'mm', 'ids', 'pagemap', 'fs'];

const live = (nodes: readonly TreeNode[]) => nodes.filter(({ stat }) => stat.state !== 'Z');

/** Names of the files that the processes will have, as they are now. */
function namesOf(thread: KernelThread, nodes: readonly TreeNode[]): string[] {
  const out: string[] = [];
  live(nodes).forEach((node, i) => {
    const pid = node.status.nsPid.at(-1) ?? node.pid;
    for (const kind of PER_PROCESS) out.push(fileName(kindOf(kind), pid));
    out.push(fileName(kindOf('fdinfo'), FIRST_TABLE + i), `pages-${i + 1}.img`);
    for (const tid of readThreads(thread.proc, node.pid) ?? []) if (tid !== node.pid) out.push(fileName(kindOf('core'), tid));
  });
  return out;
}

/** Names of the files that `count` objects of shared memory will have: their pages, and what is where in these. */
function sharedNamesOf(nodes: readonly TreeNode[], count: number): { pages: string[]; maps: string[] } {
  const objects = Array.from({ length: Math.min(count, MAX_FILES / 2) }, (_, i) => i);
  const { length } = live(nodes);
  return {
    pages: objects.map((i) => `pages-${length + i + 1}.img`),
    maps: objects.map((i) => fileName(kindOf('pagemap-shmem'), FIRST_SHMID + BigInt(i))),
  };
}

export class FilesAhead {
  private readonly thread: KernelThread;
  private readonly folder: number;
  private readonly first: Promise<void>;
  private readonly work: Promise<void>;

  private constructor(from: KernelThread, images: ImageWriter, first: readonly string[], names: readonly string[]) {
    this.thread = new KernelThread(from.native);
    this.thread.observer = from.observer;
    this.folder = openSync(images.dir, O.rdonly | O.directory);
    images.expect([...first, ...names]);
    this.first = this.make(first);
    this.work = this.make(names);
    // Whoever waits is told; a failure that nobody waits for yet is none.
    this.first.catch(() => undefined);
    this.work.catch(() => undefined);
  }

  private make(names: readonly string[]): Promise<void> {
    if (names.length === 0) return Promise.resolve();
    const flags = O.rdwr | O.creat | O.excl | O.nofollow | O.cloexec;
    return this.thread.onceAsync('images.ahead', 4096 + names.length * FILE_SIZE, (p) => {
      for (const name of names) {
        const file = p.sys
          .openat(this.folder, p.cstr(name), flags, IMAGE_MODE)
          .ignore('the writer makes what is missing, and says why it cannot');
        p.sys.close(file).ignore('nothing was opened, then');
      }
    });
  }

  /** Null when there is too little to do. @param sharedObjects how many objects of shared memory the tree maps */
  static start(thread: KernelThread, images: ImageWriter, nodes: readonly TreeNode[], sharedObjects: number): FilesAhead | null {
    if (availableParallelism() < 2) return null;
    const { pages, maps } = sharedNamesOf(nodes, sharedObjects);
    const first = pages.length < MIN_FILES ? [] : pages;
    const names = [...namesOf(thread, nodes), ...(first.length > 0 ? maps : [])].slice(0, MAX_FILES);
    return first.length + names.length < MIN_FILES ? null : new FilesAhead(thread, images, first, names);
  }

  /**
   * Before the tree is stopped: the files of shared memory are used right after each other, faster than they could be made meanwhile. Those of processes are
   * made while the tree is read.
   */
  ready(): Promise<void> {
    return this.first;
  }

  /** Before the writer finishes or removes what it made: nothing new may appear then. */
  async end(): Promise<void> {
    try {
      await Promise.all([this.first, this.work]);
    } finally {
      this.thread.close();
      closeSync(this.folder);
    }
  }
}
