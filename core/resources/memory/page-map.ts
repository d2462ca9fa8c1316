/** Pages of a task at restore: which lie where in which image, without reading any of them. */
import { fstatSync } from 'node:fs';
import { CrError } from '../../errors.js';
import type { PagemapEntry } from '../../images/generated/memory.js';
import type { ImageReader } from '../../images/reader.js';
import type { Handle, ServiceFds } from '../../restore/service-fds.js';

const PAGE = 4096;
const PE_PARENT = 1;
const PE_LAZY = 2;
const USER_END = 0x7ffffffff000;

/** Memory from `start` to `end` comes from `offset` of a pages image. */
export interface PageRun {
  readonly start: number;
  readonly end: number;
  readonly source: Handle;
  readonly offset: number;
}

/** Ascending, without overlaps. */
export interface PageMap {
  readonly runs: readonly PageRun[];
}

export type PagemapKind = 'pagemap' | 'pagemap-shmem';

/** Opens pages images once each; every seed is born with their descriptors. */
export class PageSources {
  private readonly opened = new Map<string, { source: Handle; size: number }>();

  constructor(private readonly service: ServiceFds) {}

  open(images: ImageReader, pagesId: number): { source: Handle; size: number } {
    const name = `pages-${pagesId}.img`;
    const path = images.pathOf(name);
    let found = this.opened.get(path);
    if (!found) {
      const fd = images.openRaw(name);
      found = { source: this.service.add(fd), size: fstatSync(fd).size };
      this.opened.set(path, found);
    }
    return found;
  }
}

/**
 * Reads the page map `kind`-`id`. Pages of earlier dumps (in_parent) are looked up in the parent folders.
 * Throws CR_IMAGE_BAD for anything that is not ascending, aligned, inside user memory and inside the pages image.
 */
export function readPageMap(images: ImageReader, sources: PageSources, kind: PagemapKind, id: number | bigint): PageMap {
  const { head, entries } = images.readPagemap(kind, id);
  const { source, size } = sources.open(images, head.pages_id);
  const runs: PageRun[] = [];
  let offset = 0;
  let last = 0;
  const path = images.pathOf(`${kind}-${id}.img`);
  let parent: PageMap | null = null;
  for (const entry of entries) {
    const { start, end } = checkedRange(entry, last, path);
    last = end;
    if ((flagsOf(entry) & PE_PARENT) !== 0) {
      parent ??= parentMap(images, sources, kind, id, path);
      runs.push(...slice(parent, start, end, path));
      continue;
    }
    runs.push({ start, end, source, offset });
    offset += end - start;
    if (offset > size)
      throw new CrError('CR_IMAGE_BAD', {
        message: `is ${size} bytes long, but its page map tells of more than ${offset}`,
        subject: { path: images.pathOf(`pages-${head.pages_id}.img`), offset: size },
        target: 'not started',
      });
  }
  return { runs };
}

function flagsOf(entry: PagemapEntry): number {
  return (entry.flags ?? 0) | (entry.in_parent === true ? PE_PARENT : 0);
}

function checkedRange(entry: PagemapEntry, last: number, path: string): { start: number; end: number } {
  const pages = entry.nr_pages ?? BigInt(entry.compat_nr_pages);
  const from = entry.vaddr;
  const to = from + pages * BigInt(PAGE);
  if (from % BigInt(PAGE) !== 0n || pages === 0n || to > BigInt(USER_END) || from < BigInt(last))
    throw new CrError('CR_IMAGE_BAD', {
      message: `page map entry 0x${from.toString(16)} with ${pages} pages is out of order or out of range`,
      subject: { path },
      target: 'not started',
    });
  if ((flagsOf(entry) & PE_LAZY) !== 0 && (flagsOf(entry) & ~PE_LAZY) === 0)
    throw new CrError('CR_IMAGE_FEATURE', {
      message: 'its pages are served by a page server (--lazy-pages), which is not built yet',
      subject: { path },
      target: 'not started',
    });
  return { start: Number(from), end: Number(to) };
}

function parentMap(images: ImageReader, sources: PageSources, kind: PagemapKind, id: number | bigint, path: string): PageMap {
  const { parent } = images;
  if (!parent)
    throw new CrError('CR_IMAGE_MISSING', {
      message: 'some of its pages lie in an earlier dump, but the folder has no `parent` link',
      subject: { path },
      target: 'not started',
    });
  return readPageMap(parent, sources, kind, id);
}

/** The part of a page map that covers exactly start..end. */
function slice(map: PageMap, start: number, end: number, path: string): PageRun[] {
  const out: PageRun[] = [];
  let at = start;
  for (const run of map.runs) {
    if (run.end <= at || run.start >= end) continue;
    if (run.start > at) break;
    const to = Math.min(run.end, end);
    out.push({ start: at, end: to, source: run.source, offset: run.offset + at - run.start });
    at = to;
  }
  if (at < end)
    throw new CrError('CR_IMAGE_MISSING', {
      message: `page 0x${at.toString(16)} should lie in an earlier dump, but does not`,
      subject: { path },
      target: 'not started',
    });
  return out;
}
