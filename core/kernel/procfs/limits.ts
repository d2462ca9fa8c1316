/** /proc/PID/limits: resource limits as text that everybody may read, unlike prlimit() of another user's task (kernel-tasks.md, section 8). */
import { type ProcReader, type ProcText, taskDir } from './reader.js';
import { ByteScanner } from './scanner.js';

/** No limit: RLIM64_INFINITY. */
export const RLIM_INFINITY = 0xffff_ffff_ffff_ffffn;

export interface Rlimit {
  readonly soft: bigint;
  readonly hard: bigint;
}

/** First words of each line; the index is the RLIMIT_ number (include/uapi/asm-generic/resource.h, fs/proc/base.c lnames). */
const NAMES = [
  'Max cpu time ',
  'Max file size ',
  'Max data size ',
  'Max stack size ',
  'Max core file size ',
  'Max resident set ',
  'Max processes ',
  'Max open files ',
  'Max locked memory ',
  'Max address space ',
  'Max file locks ',
  'Max pending signals ',
  'Max msgqueue size ',
  'Max nice priority ',
  'Max realtime priority ',
  'Max realtime timeout ',
] as const;

/** How many limits there are. */
export const RLIM_NLIMITS = NAMES.length;

const LIMITS_LIMIT = 64 * 1024;

function limit(s: ByteScanner): bigint {
  s.spaces();
  return s.tryWord('unlimited') ? RLIM_INFINITY : s.bigDec('a limit');
}

/** All 16, indexed by RLIMIT_ number, infinity as RLIM_INFINITY. Unknown lines are ignored; a missing one is CR_KERNEL. */
export function parseLimits(text: ProcText): Rlimit[] {
  const s = new ByteScanner(text.bytes, text.path);
  const found = new Map<number, Rlimit>();
  while (!s.done) {
    const resource = NAMES.findIndex((name) => s.tryWord(name));
    if (resource >= 0) found.set(resource, { soft: limit(s), hard: limit(s) });
    s.nextLine();
  }
  return NAMES.map((name, resource) => found.get(resource) ?? s.fail(`"${name.trim()}"`));
}

/** Limits of a process, also of a zombie. Null when it is gone; in the moment it is reaped the open still works and the text is empty. */
export function readLimits(reader: ProcReader, pid: number): Rlimit[] | null {
  const text = reader.read(`${taskDir(pid)}/limits`, LIMITS_LIMIT, true);
  return text === null || text.bytes.length === 0 ? null : parseLimits(text);
}
