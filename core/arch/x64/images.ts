/** Registers between the kernel's ptrace layouts and the images (core-x86.proto). */
import { CrError } from '../../errors.js';
import type { CoreEntry } from '../../images/generated/core.js';
import type { UserX86FpregsEntry, UserX86RegsEntry, UserX86XsaveEntry } from '../../images/generated/core-x86.js';
import type { Status } from '../../kernel/procfs/status.js';
import type { ArchImages, Processor, Registers } from '../arch.js';
import { empty, leaveCall, offsetOf, viewOf } from './registers.js';
import { COMPONENTS, layoutOf, XSTATE_BV, type XsaveLayout } from './xsave.js';

/** core_entry.march. */
const X86_64 = 1;
/** AT_VECTOR_SIZE of CRIU for x86-64. */
const AUXV_WORDS = 44;

/** Names in the images and in user_regs_struct. */
const NAMES = [
  ['r15', 'r15'],
  ['r14', 'r14'],
  ['r13', 'r13'],
  ['r12', 'r12'],
  ['bp', 'rbp'],
  ['bx', 'rbx'],
  ['r11', 'r11'],
  ['r10', 'r10'],
  ['r9', 'r9'],
  ['r8', 'r8'],
  ['ax', 'rax'],
  ['cx', 'rcx'],
  ['dx', 'rdx'],
  ['si', 'rsi'],
  ['di', 'rdi'],
  ['orig_ax', 'orig_rax'],
  ['ip', 'rip'],
  ['cs', 'cs'],
  ['flags', 'eflags'],
  ['sp', 'rsp'],
  ['ss', 'ss'],
  ['fs_base', 'fs_base'],
  ['gs_base', 'gs_base'],
  ['ds', 'ds'],
  ['es', 'es'],
  ['fs', 'fs'],
  ['gs', 'gs'],
] as const;
/** Where each lies: objects, because taking pairs apart costs more than reading a register, and there are 27 in each of thousands of threads. */
const GENERAL = NAMES.map(([image, kernel]) => ({ image, at: offsetOf(kernel) }));
const MODE_NATIVE = 1;
const ST_OFFSET = 32;
const XMM_OFFSET = 160;
const PADDING_OFFSET = 416;
const SW_RESERVED = 464;
const FP_SSE = 3n;

/** The FXSAVE area (Intel SDM vol. 1, table 10-2). The entry looks into `xstate`, or into a copy of it. */
function fpregsEntry(xstate: Buffer, layout: XsaveLayout): UserX86FpregsEntry {
  // Typed arrays read in this processor's order, which is the area's own. They want an aligned place, which memory of its own has.
  const area = xstate.byteOffset % 8 === 0 ? xstate : Buffer.from(new Uint8Array(xstate).buffer);
  const words = (from: number, count: number) => new Uint32Array(area.buffer, area.byteOffset + from, count);
  return {
    cwd: area.readUInt16LE(0),
    swd: area.readUInt16LE(2),
    twd: area.readUInt16LE(4),
    fop: area.readUInt16LE(6),
    rip: area.readBigUInt64LE(8),
    rdp: area.readBigUInt64LE(16),
    mxcsr: area.readUInt32LE(24),
    mxcsr_mask: area.readUInt32LE(28),
    st_space: words(ST_OFFSET, 32),
    xmm_space: words(XMM_OFFSET, 64),
    padding: words(PADDING_OFFSET, 24),
    xsave: xsaveEntry(area, layout),
  };
}

function xsaveEntry(area: Buffer, layout: XsaveLayout): UserX86XsaveEntry {
  const entry: Record<string, unknown> = { xstate_bv: area.readBigUInt64LE(XSTATE_BV) };
  for (const { name, bit, size, word } of COMPONENTS) {
    const at = layout.offsets.get(bit);
    const [from, count] = at === undefined || at + size > area.length ? [0, 0] : [at, size / word];
    const start = area.byteOffset + from;
    entry[name] = word === 4 ? new Uint32Array(area.buffer, start, count) : new BigUint64Array(area.buffer, start, count);
  }
  return entry as unknown as UserX86XsaveEntry;
}

function store(core: CoreEntry, registers: Registers, [xstate]: readonly Buffer[], processor: () => Processor): void {
  const gpregs: Record<string, bigint | number> = {};
  const view = viewOf(registers);
  for (const { image, at } of GENERAL) gpregs[image] = view.getBigUint64(at, true);
  gpregs['mode'] = MODE_NATIVE;
  core.thread_info = {
    clear_tid_addr: core.thread_info?.clear_tid_addr ?? 0n,
    gpregs: gpregs as unknown as UserX86RegsEntry,
    fpregs: fpregsEntry(xstate!, layoutOf(processor)),
    tls: NO_TLS,
  };
}

/** Entries 12 to 14 of the GDT (set_thread_area(2)): unused in 64-bit programs. */
function emptyTls(index: number) {
  return {
    entry_number: 12 + index,
    base_addr: 0,
    limit: 0,
    seg_32bit: false,
    contents_h: false,
    contents_l: false,
    read_exec_only: true,
    limit_in_pages: false,
    seg_not_present: true,
    usable: false,
  };
}

/** Also when the image was made inside of a call: with the registers of the task none may be restarted. */
function registersOf(core: CoreEntry): Registers {
  const { gpregs } = core.thread_info!;
  const registers = empty();
  const view = viewOf(registers);
  for (const { image, at } of GENERAL) view.setBigUint64(at, BigInt(gpregs[image]), true);
  leaveCall(registers);
  return registers;
}

/** NT_X86_XSTATE of a thread to be. What the image does not hold gets its initial value (xstate_bv bit 0). */
function xstateOf(core: CoreEntry, { size, mask, offsets }: XsaveLayout): Buffer {
  const area = Buffer.alloc(size);
  const fp = core.thread_info!.fpregs;
  writeLegacy(area, fp);
  const { xsave } = fp;
  let present = FP_SSE;
  if (xsave) {
    for (const { name, bit, word } of COMPONENTS) {
      const values = xsave[name];
      const at = offsets.get(bit);
      if (at === undefined || values.length === 0 || ((xsave.xstate_bv >> BigInt(bit)) & 1n) === 0n) continue;
      put(area, at, word === 4 ? new Uint32Array(values as ArrayLike<number>) : new BigUint64Array(values as ArrayLike<bigint>));
      present |= 1n << BigInt(bit);
    }
  }
  area.writeBigUInt64LE(present & BigInt(mask), XSTATE_BV);
  return area;
}

function writeLegacy(area: Buffer, fp: UserX86FpregsEntry): void {
  area.writeUInt16LE(fp.cwd & 0xffff, 0);
  area.writeUInt16LE(fp.swd & 0xffff, 2);
  area.writeUInt16LE(fp.twd & 0xffff, 4);
  area.writeUInt16LE(fp.fop & 0xffff, 6);
  area.writeBigUInt64LE(fp.rip, 8);
  area.writeBigUInt64LE(fp.rdp, 16);
  area.writeUInt32LE(fp.mxcsr, 24);
  area.writeUInt32LE(fp.mxcsr_mask, 28);
  put(area, ST_OFFSET, new Uint32Array(fp.st_space.slice(0, 32)));
  put(area, XMM_OFFSET, new Uint32Array(fp.xmm_space.slice(0, 64)));
  // Behind PADDING_OFFSET the kernel keeps words of its own (SW_RESERVED): they are not state.
  put(area, PADDING_OFFSET, new Uint32Array(fp.padding.slice(0, (SW_RESERVED - PADDING_OFFSET) / 4)));
}

function put(area: Buffer, at: number, words: Uint32Array | BigUint64Array): void {
  area.set(new Uint8Array(words.buffer, words.byteOffset, words.byteLength), at);
}

function check(path: string, core: CoreEntry, processor: () => Processor): void {
  const subject = { path };
  const info = core.thread_info;
  if (!info) throw new CrError('CR_IMAGE_BAD', { message: 'has no x86-64 registers', subject, target: 'not started' });
  if ((info.gpregs.mode ?? MODE_NATIVE) !== MODE_NATIVE)
    throw new CrError('CR_IMAGE_FEATURE', { message: 'is a 32-bit task, which is not built yet', subject, target: 'not started' });
  const { xsave } = info.fpregs;
  if (!xsave) return;
  for (const { name, bit, size, word, feature } of COMPONENTS) {
    const values = xsave[name];
    const used = ((xsave.xstate_bv >> BigInt(bit)) & 1n) === 1n;
    if (values.length !== 0 && values.length !== size / word)
      throw new CrError('CR_IMAGE_BAD', {
        message: `${name} has ${values.length} words instead of ${size / word}`,
        subject,
        target: 'not started',
      });
    if (used && values.length > 0 && !layoutOf(processor).offsets.has(bit))
      throw new CrError('CR_KERNEL_FEATURE', {
        message: `uses ${feature} registers, which this processor does not have`,
        subject,
        hint: 'Restore on a host with the same processor features.',
        target: 'not started',
      });
  }
}

// Frozen: encoded once for all threads.
const NO_TLS = [emptyTls(0), emptyTls(1), emptyTls(2)].map((entry) => Object.freeze(entry));

export const images: ArchImages = {
  mtype: X86_64,
  auxvWords: AUXV_WORDS,
  prepare: (processor) => void layoutOf(processor),
  infoOf: (core) => core.thread_info,
  store,
  check,
  registersOf,
  extendedOf: (core, processor) => [xstateOf(core, layoutOf(processor))],
};

/** User shadow stacks (arch_prctl(2), ARCH_SHSTK_ENABLE; Linux 6.6). */
export const SHADOW_STACK = {
  inStatus: (status: Pick<Status, 'x86ThreadFeatures'>) => status.x86ThreadFeatures.includes('shstk'),
  inImage: ({ thread_info }: CoreEntry) => (thread_info?.fpregs.xsave?.cet?.cet ?? 0n) !== 0n,
  hint: 'start it with GLIBC_TUNABLES=glibc.cpu.x86_shstk=off',
} as const;
