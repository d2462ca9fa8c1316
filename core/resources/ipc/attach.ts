/**
 * Attachments of System V segments. shmat(2) maps a whole segment; a program may have unmapped parts of it, moved them (mremap(2)) or changed their
 * protection. Every part counts as an attachment, so shmat is the only way to get one that shmdt(2) and IPC_STAT know.
 */
import { SHM } from '../../abi/sysv-ipc.js';
import { CrError } from '../../errors.js';
import type { Program } from '../../program/program.js';
import { findHole } from '../memory/place.js';
import { birthProt } from '../memory/protection-keys.js';
import { subtractRanges, type Range } from '../memory/ranges.js';
import type { Vma } from '../memory/restore.js';
import { VMA_STATUS } from '../memory/vma-bits.js';

const PROT_READ = 1;
const PROT_READ_WRITE = 3;
const MREMAP_MAYMOVE_FIXED = 3;
const USER_START = 65536;
const USER_END = 0x7ffffffff000;
const HUGE = 1 << 30;

export const isAttachment = (vma: Vma) => (vma.status & VMA_STATUS.sysvIpc) !== 0;

/** Mappings that one shmat can have made. */
export interface Attachment {
  readonly shmid: bigint;
  /** Where the segment as a whole begins. */
  readonly base: number;
  readonly readOnly: boolean;
  readonly parts: readonly Vma[];
}

export function attachmentsOf(vmas: readonly Vma[]): Attachment[] {
  const found = new Map<string, { shmid: bigint; base: number; readOnly: boolean; parts: Vma[] }>();
  for (const vma of vmas) {
    if (!isAttachment(vma)) continue;
    const base = vma.start - vma.pgoff;
    const readOnly = vma.readOnly;
    const key = `${vma.shmid}:${base}:${readOnly}`;
    const known = found.get(key);
    if (known) known.parts.push(vma);
    else found.set(key, { shmid: vma.shmid, base, readOnly, parts: [vma] });
  }
  return [...found.values()];
}

/**
 * Emits all attachments of a task, before its other mappings.
 * @param taken ranges that its restorer uses
 * @param extentOf bytes that an attachment of the segment covers
 */
export function emitAttachments(p: Program, vmas: readonly Vma[], taken: readonly Range[], extentOf: (shmid: bigint) => number): void {
  const attachments = attachmentsOf(vmas);
  const everything = [...vmas, ...taken];
  for (const attachment of attachments) {
    const extent = extentOf(attachment.shmid);
    const beyond = attachment.parts.find((vma) => vma.pgoff + vma.end - vma.start > extent);
    if (beyond)
      throw new CrError('CR_IMAGE_BAD', {
        message: `maps more than there is of shared memory segment ${attachment.shmid}`,
        subject: { addr: beyond.start },
        target: 'not started',
      });
    if (fits(attachment, extent, everything)) emitInPlace(p, attachment, extent);
    else emitMoved(p, attachment, extent, everything);
  }
}

/** The whole segment can lie where its parts are: nothing else does. */
function fits({ base, parts }: Attachment, extent: number, everything: readonly Range[]): boolean {
  const end = base + extent;
  if (base < USER_START || end > USER_END) return false;
  return !everything.some((range) => range.start < end && range.end > base && !parts.some((part) => part.start === range.start));
}

function emitAttach(p: Program, { shmid, readOnly }: Attachment, at: number): void {
  p.sys.shmat(shmid, at, readOnly ? SHM.RDONLY : 0).must(`attach shared memory segment ${shmid} at 0x${at.toString(16)}`);
}

function emitProtection(p: Program, part: Vma, readOnly: boolean): void {
  const prot = birthProt(part.prot);
  if (prot === (readOnly ? PROT_READ : PROT_READ_WRITE)) return;
  p.sys.mprotect(part.start, part.end - part.start, prot).must('set the protection of an attached segment');
}

function emitInPlace(p: Program, attachment: Attachment, extent: number): void {
  const { base, parts, readOnly } = attachment;
  emitAttach(p, attachment, base);
  for (const hole of subtractRanges([{ start: base, end: base + extent }], parts))
    p.sys.munmap(hole.start, hole.end - hole.start).must('unmap a part of an attached segment');
  for (const part of parts) emitProtection(p, part, readOnly);
}

/** Attached somewhere else, and each part moved to its place. */
function emitMoved(p: Program, attachment: Attachment, extent: number, everything: readonly Range[]): void {
  const at = Math.ceil(findHole(everything, extent + HUGE) / HUGE) * HUGE;
  emitAttach(p, attachment, at);
  for (const part of attachment.parts) {
    const length = part.end - part.start;
    p.sys.mremap(at + part.pgoff, length, length, MREMAP_MAYMOVE_FIXED, part.start).must('move a part of an attached segment');
    emitProtection(p, part, attachment.readOnly);
  }
  p.sys.munmap(at, extent).must('unmap what is left of an attachment');
}
