/**
 * Which pages of private memory must be stored: PAGEMAP_SCAN (6.7, Documentation/admin-guide/mm/pagemap.rst). A page counts when it is present
 * or swapped and is neither the zero page nor an untouched page of a file.
 */
import { closeSync, openSync } from 'node:fs';
import { STRUCTS } from '../../abi/structs.js';
import type { KernelThread } from '../../kernel/kernel-thread.js';
import type { Range } from './ranges.js';

const PAGEMAP_SCAN = 0xc0606610;
const { size: REGION_SIZE, fields: REGION } = STRUCTS.page_region;
const PAGE = 4096;
const REGIONS = 8192;
/** Memory of ours is zeroed again behind each scan, and a short range mostly has a few. */
const SHORT_REGIONS = 256;
const PAGE_IS = { file: 4n, present: 8n, swapped: 0x10n, zero: 0x20n, guard: 0x100n } as const;
/** Guard pages look swapped (bits 62 and 58 of pagemap); kernels before 6.16 do not know the category, there SWAPPED must do. */
const RETURN = PAGE_IS.present | PAGE_IS.swapped | PAGE_IS.guard;

export interface ScanResult {
  /** Ranges to store, ascending. */
  readonly pages: Range[];
  /** Guard regions (MADV_GUARD_INSTALL), ascending. */
  readonly guards: Range[];
}

/** Scans `ranges` (ascending) of a frozen process. */
export function scanPages(thread: KernelThread, pid: number, ranges: readonly Range[]): ScanResult {
  const result: ScanResult = { pages: [], guards: [] };
  if (ranges.length === 0) return result;
  const fd = openSync(`/proc/${pid}/pagemap`, 'r');
  try {
    for (const range of merge(ranges)) scanRange(thread, fd, pid, range, result);
  } finally {
    closeSync(fd);
  }
  return result;
}

const SHORT = 64 << 20;

/** Neighbours and near neighbours are scanned in one call: a call costs more than an unmapped hole. */
const MERGE_GAP = 1 << 20;
function merge(ranges: readonly Range[]): Range[] {
  const out: { start: number; end: number }[] = [];
  for (const r of ranges) {
    const last = out.at(-1);
    if (last && r.start - last.end <= MERGE_GAP) last.end = r.end;
    else out.push({ start: r.start, end: r.end });
  }
  return out;
}

function scanRange(thread: KernelThread, fd: number, pid: number, range: Range, into: ScanResult): void {
  let at = range.start;
  while (at < range.end) {
    // A short scan is done before another thread would have woken up. Nobody needs to trace for it.
    const short = range.end - at <= SHORT;
    // Never more regions than pages.
    const room = Math.min(short ? SHORT_REGIONS : REGIONS, (range.end - at) / PAGE);
    const { value, free } = thread[short ? 'here' : 'once'](
      'memory.scan',
      8192 + room * REGION_SIZE,
      (p) => {
        const vec = p.out(room * REGION_SIZE);
        const mask = PAGE_IS.zero | PAGE_IS.file;
        const arg = p.struct('pm_scan_arg', {
          size: STRUCTS.pm_scan_arg.size,
          start: at,
          end: range.end,
          vec: vec.addr,
          vec_len: room,
          category_inverted: mask,
          category_mask: mask,
          category_anyof_mask: PAGE_IS.present | PAGE_IS.swapped,
          return_mask: RETURN,
        });
        return { vec, arg, call: p.sys.ioctl(fd, PAGEMAP_SCAN, arg).must('find the pages of the process (PAGEMAP_SCAN, Linux 6.7)') };
      },
      { subject: { pid }, target: 'running' },
    );
    const count = value.call.result;
    for (let i = 0; i < count; i++) {
      const o = i * REGION_SIZE;
      const region = { start: value.vec.num(o + REGION.start[0]), end: value.vec.num(o + REGION.end[0]) };
      append((value.vec.u64(o + REGION.categories[0]) & PAGE_IS.guard) !== 0n ? into.guards : into.pages, region);
    }
    // walk_end is where the kernel last ran out of its own small buffer, not where it ended: once the scan is through, it is stale and lies before
    // regions that we already have (fs/proc/task_mmu.c, do_pagemap_scan: "walk_end isn't set when ret is zero"). Only a full vector means more.
    const lastEnd = count > 0 ? value.vec.num((count - 1) * REGION_SIZE + REGION.end[0]) : at;
    const next = count < room ? range.end : Math.max(value.arg.number('walk_end'), lastEnd);
    free();
    if (next <= at) break;
    at = next;
  }
}

function append(list: Range[], r: Range): void {
  const last = list.at(-1);
  if (last && last.end === r.start) list[list.length - 1] = { start: last.start, end: r.end };
  else list.push(r);
}
