/** Checks of page maps. A page map that is read wrongly puts wrong bytes into a process, so anything unknown in it is refused. */
import { badImage, hasUnknown, type ImageRecord } from './container.js';
import type { PagemapEntry, PagemapHead } from './generated/memory.js';

/** Flags of a page map entry (criu.md section 3.4). */
export const PE = { parent: 1, lazy: 2, present: 4 } as const;
const KNOWN = PE.parent | PE.lazy | PE.present;

export interface Pagemap {
  readonly head: PagemapHead;
  readonly entries: readonly PagemapEntry[];
}

/** Splits records of a page map image. Throws CR_IMAGE_FEATURE for flags and fields of formats newer than ours. */
export function toPagemap(path: string, records: readonly ImageRecord[]): Pagemap {
  const [first, ...others] = records;
  if (first === undefined) throw badImage(path, 0, 'has no head record');
  refuseUnknown(path, first);
  return { head: first.entry as PagemapHead, entries: others.map((record) => checkedEntry(path, record)) };
}

function refuseUnknown(path: string, record: ImageRecord): void {
  if (hasUnknown(record.entry))
    throw badImage(path, record.offset, 'a page map record has fields that are not known here', 'CR_IMAGE_FEATURE');
}

function checkedEntry(path: string, record: ImageRecord): PagemapEntry {
  refuseUnknown(path, record);
  const entry = record.entry as PagemapEntry;
  const unknown = (entry.flags ?? 0) & ~KNOWN;
  if (unknown !== 0)
    throw badImage(path, record.offset, `a page map entry has flags 0x${(unknown >>> 0).toString(16)}, not known here`, 'CR_IMAGE_FEATURE');
  return entry;
}
