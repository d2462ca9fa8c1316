/**
 * Memory protection keys (pkeys(7)): which ones a process has allocated, and which mappings have one. What a thread may do with each is among its registers.
 * Belongs to the address space. CRIU's images have no field for it.
 *
 * The kernel takes a key by itself for mappings that may only be executed (mprotect(2) with PROT_EXEC alone) and hands it to nobody else: the execute-only
 * key. It shows as long as such a mapping exists.
 */
import { ERRNO } from '../../abi/errno.js';
import { arch } from '../../arch/current.js';
import { CrError } from '../../errors.js';
import type { VmaEntry } from '../../images/generated/memory.js';
import { loadNative } from '../../kernel/native.js';
import type { Program } from '../../program/program.js';
import type { RestoreRun, RestoreTask } from '../../restore/model.js';
import type { TaskResource } from '../resource.js';
import type { Vma } from './restore.js';
import { VMA_STATUS } from './vma-bits.js';

const NAME = 'protection-keys';
const PAGE = 4096;
const PROT_NONE = 0;
const PROT_READ = 1;
const PROT_EXEC = 4;
const PROT_ALL = 7;
/** The last pages of all: they belong to the kernel, so no process ever has a mapping there. */
const NOWHERE = -2n * BigInt(PAGE);
/** As much of a wrong value as a report shows. */
const SHOWN = 40;
/** What textOf() and parseKeys() agree on: allocated keys, execute-only key, mappings with their keys. Addresses are below 2^48. */
const TEXT = /^((?:\d{1,2}(?:,\d{1,2})*)?);(\d{0,2});((?:[0-9a-f]{1,12}=\d{1,2}(?:,[0-9a-f]{1,12}=\d{1,2})*)?)$/;

export interface ProtectionKeys {
  /** What pkey_alloc(2) gave and pkey_free(2) has not taken back, ascending. */
  readonly allocated: readonly number[];
  /** Null when the process has no mapping that shows it. */
  readonly executeOnly: number | null;
  /** Mappings by their start whose key is not the one that the kernel gives to such a mapping by itself. */
  readonly mappings: ReadonlyMap<number, number>;
}

/** A mapping as smaps shows it. */
export interface KeyedVma {
  readonly start: number;
  /** PROT_* bits. */
  readonly prot: number;
  readonly kind: string;
  readonly protectionKey: number;
}

/** Protection until a task has its keys: with PROT_EXEC alone the kernel would take a key, which children that are forked meanwhile would inherit. */
export function birthProt(prot: number): number {
  return prot === PROT_EXEC ? PROT_EXEC | PROT_READ : prot;
}

export const protectionKeys: TaskResource = {
  name: NAME,
  readOutside: (_p, thread) => () => {
    const { tracee } = thread;
    if (!tracee.extended || !arch.protectionKeys.locksFirst(tracee.extended, loadNative)) return;
    throw new CrError('CR_UNSUPPORTED', {
      message: 'has locked memory with protection key 0 for itself (pkey_set(3)), so that no code of ours can run in it',
      subject: { pid: tracee.pid, tid: tracee.tid },
      hint: 'Dump it while it may use its ordinary memory.',
      target: 'running',
    });
  },
  /** Nothing is changed: pkey_mprotect(2) looks at the key before it looks for mappings (mm/mprotect.c, do_mprotect_pkey). */
  readInside(p, task, run) {
    const count = arch.protectionKeys.count(loadNative);
    const asked = Array.from({ length: Math.max(0, count - 1) }, (_none, i) => {
      const call = p.sys.pkey_mprotect(NOWHERE, PAGE, PROT_NONE, i + 1);
      return { key: i + 1, call: call.ignore('there is no mapping: ENOMEM says that the key is allocated, EINVAL that it is not') };
    });
    if (count === 0) return;
    return () => {
      const allocated = asked.filter(({ call }) => call.result === -ERRNO.ENOMEM).map(({ key }) => key);
      const keys = keysOf(task.vmas, allocated);
      if (!isUsual(keys)) run.extra.set(task.nsPid, NAME, textOf(keys));
    };
  },
  plan(task, run) {
    const text = run.extra.get(task.pid, NAME);
    if (text === undefined) return [];
    const keys = parseKeys(text);
    if (!keys || !belongTo(keys, task.mm?.vmas ?? [])) return [`has impossible protection keys "${text.slice(0, SHOWN)}"`];
    return lacking(keys, arch.protectionKeys.count(loadNative));
  },
};

/** @param vmas of the whole process @param allocated by the program itself, ascending */
export function keysOf(vmas: readonly KeyedVma[], allocated: readonly number[]): ProtectionKeys {
  // The page of vsyscall is in no address space: the kernel only shows it.
  const own = vmas.filter(({ kind }) => kind !== 'vsyscall');
  // A key that was freed while mappings had it looks the same; then the first that is found counts, and the other mappings keep theirs.
  const executeOnly = own.find(({ prot, protectionKey: key }) => prot === PROT_EXEC && key !== 0 && !allocated.includes(key));
  const given = (prot: number): number => (prot === PROT_EXEC ? (executeOnly?.protectionKey ?? -1) : 0);
  const mappings = own.filter(({ prot, protectionKey: key }) => key !== given(prot)).map((vma) => [vma.start, vma.protectionKey] as const);
  return { allocated, executeOnly: executeOnly?.protectionKey ?? null, mappings: new Map(mappings) };
}

/** What the kernel makes by itself: no key, or its first one for mappings that may only be executed. */
function isUsual({ allocated, executeOnly, mappings }: ProtectionKeys): boolean {
  return allocated.length === 0 && mappings.size === 0 && (executeOnly ?? 1) === 1;
}

export function textOf({ allocated, executeOnly, mappings }: ProtectionKeys): string {
  return `${allocated.join(',')};${executeOnly ?? ''};${[...mappings].map(([start, key]) => `${start.toString(16)}=${key}`).join(',')}`;
}

/** Null for a text that textOf() cannot have written. */
export function parseKeys(text: string): ProtectionKeys | null {
  const [, first, second, third] = TEXT.exec(text) ?? [];
  if (first === undefined || second === undefined || third === undefined) return null;
  const allocated = first === '' ? [] : first.split(',').map(Number);
  const pairs = third === '' ? [] : third.split(',').map((pair) => pair.split('=') as [string, string]);
  const keys: ProtectionKeys = {
    allocated,
    executeOnly: second === '' ? null : Number(second),
    mappings: new Map(pairs.map(([start, key]) => [parseInt(start, 16), Number(key)])),
  };
  const wrong =
    allocated.some((key, i) => key <= (allocated[i - 1] ?? 0)) || keys.executeOnly === 0 || allocated.includes(keys.executeOnly ?? 0);
  return wrong || keys.mappings.size !== pairs.length ? null : keys;
}

/** The kernel chooses the key: only executed, and no key of its own. */
function isExecuteOnly({ start, prot }: { readonly start: number | bigint; readonly prot: number }, keys: ProtectionKeys | null): boolean {
  return (prot & PROT_ALL) === PROT_EXEC && keys?.mappings.has(Number(start)) !== true;
}

/** Every key has the mappings in the images that it needs. */
function belongTo(keys: ProtectionKeys, entries: readonly VmaEntry[]): boolean {
  const real = entries.filter(({ status }) => (status & (VMA_STATUS.guard | VMA_STATUS.vsyscall)) === 0);
  const starts = new Set(real.map(({ start }) => Number(start)));
  if (![...keys.mappings.keys()].every((start) => starts.has(start))) return false;
  return keys.executeOnly === null || real.some((vma) => isExecuteOnly(vma, keys));
}

/** Without keys a mapping that may only be executed is an ordinary one: the kernel takes none for it. */
function lacking(keys: ProtectionKeys, count: number): string[] {
  const highest = Math.max(0, ...keys.allocated, ...new Set(keys.mappings.values()), count === 0 ? 0 : (keys.executeOnly ?? 0));
  if (highest === 0 || highest < count) return [];
  const there = count === 0 ? 'which this processor or kernel does not have' : `but there are only ${count} here`;
  return [`uses protection key ${highest} (pkey_alloc(2)), ${there}: restore it on a machine like the one that it was dumped on`];
}

/**
 * After the children were forked, who would inherit keys, and when nothing of the memory is to be read or written any more. This opens the keys to the seed;
 * the threads get their own rights with their registers.
 */
export function emitKeys(p: Program, task: RestoreTask, vmas: readonly Vma[], run: RestoreRun): void {
  const text = run.extra.get(task.pid, NAME);
  const keys = text === undefined || arch.protectionKeys.count(loadNative) === 0 ? null : parseKeys(text);
  const executeOnly = vmas.filter((vma) => isExecuteOnly(vma, keys));
  if (keys) emitOwn(p, keys, vmas, executeOnly[0]);
  for (const { start, end } of executeOnly) p.sys.mprotect(start, end - start, PROT_EXEC).must('let memory be executed only');
}

/** The kernel gives the lowest key that is free: all up to the highest are taken, and in the end those that the process did not have are given back. */
function emitOwn(p: Program, keys: ProtectionKeys, vmas: readonly Vma[], executeOnly: Vma | undefined): void {
  const { allocated, mappings } = keys;
  const highest = Math.max(0, ...allocated, ...new Set(mappings.values()), keys.executeOnly ?? 0);
  const own = vmas.filter(({ start }) => mappings.has(start));
  for (let key = 0; key <= highest; key++) {
    if (key > 0) p.expect(p.sys.pkey_alloc(0, 0).must(`allocate protection key ${key}`), -1, key, `get protection key ${key}`);
    for (const { start, end, prot } of own)
      if (mappings.get(start) === key) p.sys.pkey_mprotect(start, end - start, prot, key).must(`give memory protection key ${key}`);
    if (key !== keys.executeOnly || !executeOnly) continue;
    p.sys.pkey_free(key).must('leave this protection key to the kernel');
    p.sys.mprotect(executeOnly.start, executeOnly.end - executeOnly.start, PROT_EXEC).must(`let the kernel take protection key ${key}`);
  }
  for (let key = 1; key <= highest; key++)
    if (!allocated.includes(key) && key !== keys.executeOnly) p.sys.pkey_free(key).must(`give protection key ${key} back`);
}
