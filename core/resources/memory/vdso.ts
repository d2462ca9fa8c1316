/**
 * The vDSO and its data pages. A seed has those of the running kernel at an address of its own; the task expects its own where they were.
 *  - Same functions at the same offsets: the mappings are moved to the old address. Each can only be moved whole, in any order, as long as the
 *    relative distances stay (on x86: arch/x86/entry/vdso/vma.c).
 *  - Otherwise (another kernel): the old code comes back as ordinary memory, each function in it jumping to its namesake in the vDSO of this
 *    kernel, which goes to an address that no task of the tree uses. The old data pages are never read then.
 */
import { arch } from '../../arch/current.js';
import { CrError } from '../../errors.js';
import type { SmapsVma } from '../../kernel/procfs/smaps.js';
import type { Program } from '../../program/program.js';
import type { Range } from './ranges.js';
import { VMA_STATUS } from './vma-bits.js';
import { vdsoFunctions } from './vdso-elf.js';

const MREMAP_MAYMOVE_FIXED = 3;

export interface SpecialMapping extends Range {
  readonly isCode: boolean;
}

/** Special mappings of a process, from its maps. */
export function specialMappings(vmas: readonly Pick<SmapsVma, 'kind' | 'start' | 'end'>[]): SpecialMapping[] {
  return vmas
    .filter((vma) => vma.kind === 'vdso' || vma.kind === 'vvar' || vma.kind === 'vvarVclock')
    .map((vma) => ({ start: vma.start, end: vma.end, isCode: vma.kind === 'vdso' }));
}

/** The same from an image. */
export function imageSpecials(vmas: readonly (Range & { status: number })[]): SpecialMapping[] {
  return vmas
    .filter((vma) => (vma.status & (VMA_STATUS.vdso | VMA_STATUS.vvar)) !== 0)
    .map((vma) => ({ start: vma.start, end: vma.end, isCode: (vma.status & VMA_STATUS.vdso) !== 0 }));
}

/** Bytes to be written over restored memory. */
export interface Patch {
  readonly addr: number;
  readonly bytes: Buffer;
}

/** What happens to the vDSO of one task. */
export interface VdsoPlan {
  /** Address that the lowest of this kernel's special mappings gets; null: the task has none. */
  readonly to: number | null;
  /** Empty when the mappings move to their old place; else the old mappings are ordinary memory with these patches. */
  readonly patches: readonly Patch[];
}

/** One block of data pages and one of code, whatever number of mappings they are. */
interface Shape {
  readonly start: number;
  readonly dataSize: number;
  readonly code: number;
  readonly codeSize: number;
}

function shapeOf(list: readonly SpecialMapping[]): Shape | null {
  const code = list.find((m) => m.isCode);
  if (!code) return null;
  const data = list.filter((m) => !m.isCode);
  const start = Math.min(...data.map((m) => m.start), code.start);
  return { start, dataSize: data.reduce((n, m) => n + m.end - m.start, 0), code: code.start - start, codeSize: code.end - code.start };
}

export interface VdsoImage {
  readonly special: readonly SpecialMapping[];
  /** Code pages; null when the images do not hold them. */
  readonly code: Buffer | null;
}

/**
 * @param now of this kernel; @param wanted of the task; @param spare address where this kernel's vDSO goes when the two differ
 * @throws CrError CR_KERNEL_FEATURE when they differ and the image does not hold the old code
 */
export function planVdso(pid: number, now: VdsoImage, wanted: VdsoImage, spare: number): VdsoPlan {
  const from = shapeOf(now.special);
  const to = shapeOf(wanted.special);
  if (!to) return { to: null, patches: [] };
  const same = from !== null && from.dataSize === to.dataSize && from.code === to.code && from.codeSize === to.codeSize;
  // Nearly always: dumped on this kernel.
  if (same && now.code && wanted.code?.equals(now.code)) return { to: to.start, patches: [] };
  const here = now.code ? vdsoFunctions(now.code) : null;
  const there = wanted.code ? vdsoFunctions(wanted.code) : null;
  if (same && (there === null || equalMaps(here, there))) return { to: to.start, patches: [] };
  if (!from || !here || !there)
    throw new CrError('CR_KERNEL_FEATURE', {
      message: 'the vDSO of this kernel differs from that of the dumped task, and the images do not hold the old one',
      subject: { pid, addr: to.start + to.code },
      hint: 'Restore on a kernel with the same vDSO.',
      target: 'not started',
    });
  const patches = [...there]
    .filter(([name]) => here.has(name))
    .map(([name, offset]) => ({ addr: to.start + to.code + offset, bytes: arch.jumpTo(spare + from.code + here.get(name)!) }));
  return { to: spare, patches };
}

function equalMaps(a: ReadonlyMap<string, number> | null, b: ReadonlyMap<string, number>): boolean {
  return a !== null && a.size === b.size && [...a].every(([name, offset]) => b.get(name) === offset);
}

/** Address of a `syscall` instruction of this kernel's vDSO (its functions fall back to one) in a task of that plan; null when the task has no vDSO. */
export function syscallInVdso(now: VdsoImage, { to }: VdsoPlan): number | null {
  const from = shapeOf(now.special);
  const offset = now.code ? arch.findSyscall(now.code) : -1;
  return to === null || !from || offset < 0 ? null : to + from.code + offset;
}

/** Moves the special mappings to `to`, or unmaps them. Whatever is there already must be unmapped or one of them. */
export function emitVdso(p: Program, now: readonly SpecialMapping[], to: number | null, parking: number): void {
  const from = shapeOf(now);
  if (!from) {
    if (to !== null) throw new CrError('CR_UNSUPPORTED', { message: 'a child with a vDSO of a parent without one', target: 'destroyed' });
    return;
  }
  if (to === null) {
    for (const m of now) p.sys.munmap(m.start, m.end - m.start).must('unmap the vDSO, which the task did not have');
    return;
  }
  const by = to - from.start;
  if (by === 0) return;
  const size = Math.max(...now.map((m) => m.end)) - from.start;
  const move = (list: readonly Range[], distance: number) => {
    for (const m of list)
      p.sys.mremap(m.start, m.end - m.start, m.end - m.start, MREMAP_MAYMOVE_FIXED, m.start + distance).must('move the vDSO');
  };
  if (Math.abs(by) >= size) return move(now, by);
  // The old and the new place overlap: by way of a hole.
  move(now, parking - from.start);
  move(shift(now, parking - from.start), to - parking);
}

export function shift(list: readonly SpecialMapping[], by: number): SpecialMapping[] {
  return list.map((m) => ({ start: m.start + by, end: m.end + by, isCode: m.isCode }));
}
