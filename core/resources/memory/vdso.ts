/**
 * The vDSO and its data pages. A seed has those of the running kernel at an address of its own; the task expects them where they were. Each
 * mapping can only be moved whole, in any order, as long as the relative distances stay (kernel-tasks.md 4, arch/x86/entry/vdso/vma.c).
 */
import { CrError } from '../../errors.js';
import type { SmapsVma } from '../../kernel/procfs/smaps.js';
import type { Program } from '../../program/program.js';
import type { Range } from './ranges.js';
import { VMA_STATUS } from './vma-bits.js';

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

/** One block of data pages and one of code, whatever number of mappings they are. */
interface Shape {
  readonly start: number;
  readonly dataSize: number;
  readonly code: number;
  readonly codeSize: number;
}

function shapeOf(list: readonly SpecialMapping[]): Shape | null {
  const code = list.find((m) => m.isCode);
  const data = list.filter((m) => !m.isCode);
  if (!code) return null;
  const start = Math.min(...data.map((m) => m.start), code.start);
  return { start, dataSize: data.reduce((n, m) => n + m.end - m.start, 0), code: code.start - start, codeSize: code.end - code.start };
}

/** Whether the vDSO of this kernel can take the place of that in the image. Code is compared by the caller. */
export function sameShape(now: readonly SpecialMapping[], wanted: readonly SpecialMapping[]): boolean {
  const a = shapeOf(now);
  const b = shapeOf(wanted);
  return a !== null && b !== null && a.dataSize === b.dataSize && a.code === b.code && a.codeSize === b.codeSize;
}

/** Moves the special mappings to where the image has them; without any there they are unmapped. */
export function emitVdso(p: Program, now: readonly SpecialMapping[], vmas: readonly (Range & { status: number })[], parking: number): void {
  const wanted = imageSpecials(vmas);
  const from = shapeOf(now);
  const to = shapeOf(wanted);
  if (!from && !to) return;
  if (from && !to) {
    for (const m of now) p.sys.munmap(m.start, m.end - m.start).must('unmap the vDSO, which the task did not have');
    return;
  }
  if (!from || !to || !sameShape(now, wanted))
    throw new CrError('CR_KERNEL_FEATURE', {
      message: 'the vDSO of this kernel has another layout than that of the dumped task',
      subject: { addr: to?.start ?? 0 },
      hint: 'Restore on a kernel with the same vDSO.',
      target: 'not started',
    });
  const by = to.start - from.start;
  if (by === 0) return;
  const size = Math.max(...now.map((m) => m.end)) - from.start;
  const move = (list: readonly Range[], distance: number) => {
    for (const m of list)
      p.sys.mremap(m.start, m.end - m.start, m.end - m.start, MREMAP_MAYMOVE_FIXED, m.start + distance).must('move the vDSO');
  };
  if (Math.abs(by) >= size) return move(now, by);
  // The old and the new place overlap: by way of a hole.
  move(now, parking - from.start);
  move(
    now.map((m) => ({ start: m.start + parking - from.start, end: m.end + parking - from.start })),
    to.start - parking,
  );
}
