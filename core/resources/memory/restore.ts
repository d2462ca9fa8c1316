/**
 * Memory of one restored task, as ops for its seed. A child starts with a copy of its parent's finished memory (fork(2)), so what both have in
 * common stays shared page by page until somebody writes, as it was. Order: 1. unmap what does not belong; 2. vDSO; 3. map; 4. fill (fill.ts);
 * 5. final protection. Then children are forked; only afterwards `emitLate`, because advice such as DONTFORK and locks would keep memory from them, and
 * protection keys (protection-keys.ts).
 */
import { CrError } from '../../errors.js';
import type { VmaEntry } from '../../images/generated/memory.js';
import type { Call } from '../../program/call.js';
import type { Program } from '../../program/program.js';
import type { RestoreRun, RestoreTask } from '../../restore/model.js';
import { freshParts, type FillPart } from './fill.js';
import { intersectRanges, subtractRanges, type Range } from './ranges.js';
import { emitAttachments, isAttachment } from '../ipc/attach.js';
import type { SharedMemory } from './restore-shared.js';
import { birthProt } from './protection-keys.js';
import { emitVdso, type SpecialMapping, type VdsoPlan } from './vdso.js';
import { MAP, VMA_STATUS } from './vma-bits.js';

const PAGE = 4096;
const USER_END = 0x7ffffffff000;
const PROT = { read: 1, write: 2 } as const;
/** Bytes that a child compares at a time with what it inherited. */
const COW_SCRATCH = 65536;
const MADV_DONTNEED = 4;
const MADV_GUARD_INSTALL = 102;
const O_ACCMODE = 3;
/** Flags of vma_entry that mmap takes as they are. */
const MMAP_FLAGS = MAP.growsdown | MAP.noreserve | MAP.stack | MAP.hugetlb | (0x3f << MAP.hugeShift);

/** A mapping to be, with plain numbers. */
export interface Vma extends Range {
  readonly prot: number;
  readonly flags: number;
  readonly status: number;
  readonly pgoff: number;
  /** File id or id of shared memory. */
  readonly shmid: bigint;
  readonly madv: bigint;
  /** An attachment that can never become writable (shmat(2), SHM_RDONLY). */
  readonly readOnly: boolean;
}

/** What a seed's address space holds before its memory program runs. */
export interface Inherited {
  /** Mappings of the parent; empty for the root. */
  readonly vmas: readonly Vma[];
  readonly pages: readonly Range[];
  readonly special: readonly SpecialMapping[];
}

/** Mappings of a task, read and checked. */
export interface TaskMemory {
  readonly vmas: readonly Vma[];
  readonly guards: readonly Range[];
  readonly vdso: VdsoPlan;
}

export interface MemoryContext {
  readonly run: RestoreRun;
  readonly shared: SharedMemory;
  /** Code and data of the seeds. */
  readonly arena: Range;
  /** A hole as large as all special mappings together. */
  readonly parking: Range;
  /** Parts that children compare with what they inherited; each call gives the number of pages that differed and were written. */
  readonly compared: { readonly pages: number; readonly call: Call }[];
}

function bad(pid: number, message: string, addr?: number | bigint): CrError {
  return new CrError('CR_IMAGE_BAD', {
    message,
    subject: { path: `mm-${pid}.img`, ...(addr === undefined ? {} : { addr }) },
    target: 'not started',
  });
}

/** Reads and checks the mappings of a task: aligned, in user memory, ascending, of a kind that can be built. */
export function readVmas(pid: number, entries: readonly VmaEntry[]): { vmas: Vma[]; guards: Range[] } {
  const vmas: Vma[] = [];
  const guards: Range[] = [];
  for (const entry of entries) {
    if ((entry.status & VMA_STATUS.vsyscall) !== 0) continue;
    const vma = numbers(pid, entry);
    if ((vma.status & VMA_STATUS.guard) !== 0) guards.push(vma);
    else vmas.push(vma);
  }
  vmas.sort((a, b) => a.start - b.start);
  vmas.forEach((vma, i) => {
    if (i > 0 && vmas[i - 1]!.end > vma.start) throw bad(pid, 'two mappings overlap', vma.start);
  });
  return { vmas, guards };
}

function numbers(pid: number, e: VmaEntry): Vma {
  const page = BigInt(PAGE);
  if (
    e.start >= e.end ||
    e.end > BigInt(USER_END) ||
    e.start % page !== 0n ||
    e.end % page !== 0n ||
    e.pgoff % page !== 0n ||
    e.pgoff >= 1n << 52n
  )
    throw bad(pid, `mapping up to 0x${e.end.toString(16)} with offset ${e.pgoff} cannot exist`, e.start);
  const known = VMA_STATUS.anonPrivate | VMA_STATUS.anonShared | VMA_STATUS.filePrivate | VMA_STATUS.fileShared | VMA_STATUS.guard;
  const refused = VMA_STATUS.socket | VMA_STATUS.aioRing | VMA_STATUS.shadowStack | VMA_STATUS.uprobes;
  // What a plugin maps is a file that everybody who maps it shares.
  const device = (e.status & VMA_STATUS.extPlugin) !== 0 && (e.status & VMA_STATUS.fileShared) === 0;
  if ((e.status & refused) !== 0 || (e.status & known) === 0 || device)
    throw new CrError('CR_IMAGE_FEATURE', {
      message: `mapping of a kind that is not built yet (status 0x${e.status.toString(16)})`,
      subject: { path: `mm-${pid}.img`, addr: e.start },
      target: 'not started',
    });
  return {
    start: Number(e.start),
    end: Number(e.end),
    prot: e.prot & 7,
    flags: e.flags,
    status: e.status,
    pgoff: Number(e.pgoff),
    shmid: e.shmid,
    madv: e.madv ?? 0n,
    readOnly: e.fdflags !== undefined && (e.fdflags & O_ACCMODE) === 0,
  };
}

export const isSpecial = (vma: Vma) => (vma.status & (VMA_STATUS.vdso | VMA_STATUS.vvar)) !== 0;
const isPrivate = (vma: Vma) => (vma.status & (VMA_STATUS.anonPrivate | VMA_STATUS.filePrivate)) !== 0 && !isSpecial(vma);

/** A part of a mapping: inherited, or to be made. */
interface Piece extends Range {
  readonly vma: Vma;
  readonly from: Vma | null;
}

/** Cuts the mappings of a task at the borders of what it inherited and could keep. */
function piecesOf(vmas: readonly Vma[], inherited: readonly Vma[]): Piece[] {
  const out: Piece[] = [];
  let j = 0;
  for (const vma of vmas) {
    let at = vma.start;
    while (j < inherited.length && inherited[j]!.end <= vma.start) j++;
    for (let k = j; k < inherited.length && inherited[k]!.start < vma.end; k++) {
      const from = inherited[k]!;
      if (!canKeep(vma, from)) continue;
      const start = Math.max(at, from.start);
      const end = Math.min(vma.end, from.end);
      if (start > at) out.push({ start: at, end: start, vma, from: null });
      out.push({ start, end, vma, from });
      at = end;
    }
    if (at < vma.end) out.push({ start: at, end: vma.end, vma, from: null });
  }
  return out;
}

function canKeep(vma: Vma, from: Vma): boolean {
  const kinds = VMA_STATUS.anonPrivate | VMA_STATUS.filePrivate;
  if (!isPrivate(vma) || !isPrivate(from) || (vma.status & kinds) !== (from.status & kinds)) return false;
  if ((vma.flags & MMAP_FLAGS) !== (from.flags & MMAP_FLAGS)) return false;
  if ((vma.status & VMA_STATUS.anonPrivate) !== 0) return true;
  return vma.shmid === from.shmid && vma.pgoff - vma.start === from.pgoff - from.start;
}

/** What one task's memory is built from. */
export interface MemoryPlan {
  readonly task: RestoreTask;
  readonly memory: TaskMemory;
  readonly inherited: Inherited;
  readonly fills: readonly { readonly piece: Piece; readonly pages: readonly Range[] }[];
  /** Pages for memory that is made, not inherited. */
  readonly fresh: readonly FillPart[];
}

/** Each piece with what of the pages lies in it: in one go, because a process of many threads has thousands of both. */
function withPages(pieces: readonly Piece[], runs: readonly Range[]): { piece: Piece; pages: Range[] }[] {
  const parts = intersectRanges(runs, pieces);
  let next = 0;
  return pieces.map((piece) => {
    const first = next;
    while (next < parts.length && parts[next]!.start < piece.end) next++;
    return { piece, pages: parts.slice(first, next) };
  });
}

/** A vDSO that only moves is no memory of ours; one that is patched is. */
export function planMemory(task: RestoreTask, inherited: Inherited, memory: TaskMemory): MemoryPlan {
  const { vdso } = memory;
  const vmas = vdso.patches.length > 0 ? memory.vmas : memory.vmas.filter((vma) => !isSpecial(vma));
  const pieces = piecesOf(vmas, inherited.vmas);
  const { runs } = task.pages!;
  checkCovered(task, runs, memory.vmas);
  const fills = withPages(pieces, runs);
  const made = fills.filter(({ piece, pages }) => piece.from === null && pages.length > 0).map(({ piece }) => piece);
  return { task, memory, inherited, fills, fresh: freshParts(runs, made) };
}

/** Emits steps 1 to 3: everything is there and may be written, but no page is. */
export function emitLayout(p: Program, plan: MemoryPlan, ctx: MemoryContext): void {
  const { memory, inherited, fills } = plan;
  const kept = fills.filter(({ piece }) => piece.from !== null).map(({ piece }) => piece);
  emitUnmap(p, [...kept, ...inherited.special, ctx.arena]);
  emitVdso(p, inherited.special, memory.vdso.to, ctx.parking.start);
  emitAttachments(p, memory.vmas, [ctx.arena, ctx.parking], (shmid) => ctx.run.ipc.segmentOf(shmid).extent);
  for (const { piece, pages } of fills)
    if (!piece.from && !isAttachment(piece.vma)) emitMap(p, piece, { fill: pages.length > 0, pid: plan.task.pid }, ctx);
  for (const { piece, pages } of fills) if (piece.from) emitOpen(p, piece, inherited.pages, pages);
}

/** Emits what of step 4 is left when fresh memory has its pages, and step 5. */
export function emitFinish(p: Program, plan: MemoryPlan, ctx: MemoryContext): void {
  emitInherited(p, plan, ctx);
  for (const { addr, bytes } of plan.memory.vdso.patches) p.touches(addr, bytes.length).copyMemory(addr, p.data(bytes), bytes.length);
  for (const { piece, pages } of plan.fills) {
    const now = piece.from && pages.length === 0 ? birthProt(piece.from.prot) : openProt(piece.vma, pages.length > 0);
    const then = birthProt(piece.vma.prot);
    if (now !== then) p.sys.mprotect(piece.start, piece.end - piece.start, then).must('set the final protection of memory');
  }
}

function checkCovered(task: RestoreTask, runs: readonly Range[], mapped: readonly Range[]): void {
  const sorted = [...mapped].sort((a, b) => a.start - b.start);
  const [stray] = subtractRanges(runs, sorted);
  if (stray) throw bad(task.pid, 'the page map has pages where nothing is mapped', stray.start);
}

function emitUnmap(p: Program, keep: readonly Range[]): void {
  const sorted = [...keep].sort((a, b) => a.start - b.start);
  for (const gap of subtractRanges([{ start: 0, end: USER_END }], sorted))
    p.sys.munmap(gap.start, gap.end - gap.start).must('unmap what the task did not have');
}

/** Protection while pages are filled in: the kernel writes them as the task would, and a comparison reads them. */
function openProt(vma: Vma, fill: boolean): number {
  return fill ? vma.prot | PROT.read | PROT.write : birthProt(vma.prot);
}

function emitMap(p: Program, piece: Piece, { fill, pid }: { readonly fill: boolean; readonly pid: number }, ctx: MemoryContext): void {
  const { vma } = piece;
  const length = piece.end - piece.start;
  const device = (vma.status & VMA_STATUS.extPlugin) === 0 ? null : ctx.run.files.deviceOf(pid, vma.start);
  const file = device ? ctx.run.service.number(device.handle) : descriptorOf(vma, ctx);
  const sharing =
    (vma.status & (VMA_STATUS.fileShared | VMA_STATUS.anonShared)) !== 0
      ? MAP.shared
      : (vma.flags & MAP.droppable) !== 0
        ? MAP.droppable
        : MAP.private;
  const flags = sharing | (vma.flags & MMAP_FLAGS) | MAP.fixedNoreplace | (file === null ? MAP.anonymous : 0);
  const offset = file === null ? 0 : (device?.offset ?? vma.pgoff) + piece.start - vma.start;
  const huge = (vma.flags & MAP.hugetlb) === 0 ? '' : ' with huge pages (are enough of them free? vm.nr_hugepages)';
  p.sys
    .mmap(piece.start, length, openProt(vma, fill), flags, file ?? -1n, offset)
    .must(`map ${piece.start.toString(16)}-${piece.end.toString(16)}${huge}`);
}

function descriptorOf(vma: Vma, ctx: MemoryContext): number | null {
  const { service, files } = ctx.run;
  if ((vma.status & (VMA_STATUS.filePrivate | VMA_STATUS.fileShared)) !== 0) return service.number(files.handleOf(Number(vma.shmid)));
  if ((vma.status & VMA_STATUS.anonShared) !== 0) return service.number(ctx.shared.handleOf(vma.shmid));
  return null;
}

/** Makes an inherited part ready: pages that the child had dropped go, and it becomes writable when pages come. */
function emitOpen(p: Program, piece: Piece, parentPages: readonly Range[], pages: readonly Range[]): void {
  // Joined, because a huge page goes as a whole, and images may cut it into several runs.
  for (const gone of joined(subtractRanges(intersectRanges(parentPages, [piece]), pages)))
    p.sys.madvise(gone.start, gone.end - gone.start, MADV_DONTNEED).must('drop pages that only the parent has');
  const prot = openProt(piece.vma, true);
  if (pages.length > 0 && birthProt(piece.from!.prot) !== prot)
    p.sys.mprotect(piece.start, piece.end - piece.start, prot).must('open inherited memory for its pages');
}

/** Pages of inherited memory: only those that differ are written, so the others stay shared. */
function emitInherited(p: Program, { task, fills }: MemoryPlan, ctx: MemoryContext): void {
  const cow = fills.filter((fill) => fill.piece.from !== null && fill.pages.length > 0).map((fill) => fill.piece);
  if (cow.length === 0) return;
  const scratch = p.out(COW_SCRATCH, PAGE);
  for (const { start, end } of cow) p.touches(start, end - start);
  for (const run of task.pages!.runs)
    for (const part of intersectRanges([run], cow)) {
      const length = part.end - part.start;
      const source = ctx.run.service.number(run.source);
      const call = p.cowFill(source, run.offset + part.start - run.start, part.start, length, scratch, COW_SCRATCH);
      ctx.compared.push({ pages: length / PAGE, call });
    }
}

/** Neighbours made one. */
function joined(ranges: readonly Range[]): Range[] {
  const out: { start: number; end: number }[] = [];
  for (const range of ranges) {
    const last = out.at(-1);
    if (last?.end === range.start) last.end = range.end;
    else out.push({ ...range });
  }
  return out;
}

/** What children must not inherit: advice, guards, locks. */
export function emitLate(p: Program, vmas: readonly Vma[], guards: readonly Range[]): void {
  for (const guard of guards) p.sys.madvise(guard.start, guard.end - guard.start, MADV_GUARD_INSTALL).must('install a guard region');
  for (const vma of vmas) {
    for (let advice = 0, left = vma.madv; left !== 0n; advice++, left >>= 1n)
      if ((left & 1n) !== 0n)
        p.sys.madvise(vma.start, vma.end - vma.start, advice).must(`give advice ${advice} about memory at ${vma.start.toString(16)}`);
    if ((vma.flags & MAP.locked) !== 0) p.sys.mlock(vma.start, vma.end - vma.start).must('lock memory');
  }
}
