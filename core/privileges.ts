/** The capabilities that an operation cannot do without, asked before anything is touched (capabilities(7)). */
import { CrError, type TargetState } from './errors.js';
import type { ProcReader } from './kernel/procfs/reader.js';
import { readStatus } from './kernel/procfs/status.js';

const CAPABILITY = {
  CAP_KILL: 5,
  CAP_SETGID: 6,
  CAP_SETUID: 7,
  CAP_SETPCAP: 8,
  CAP_SYS_PTRACE: 19,
  CAP_SYS_ADMIN: 21,
  CAP_CHECKPOINT_RESTORE: 40,
} as const;
type Capability = keyof typeof CAPABILITY;

/** Each entry is needed; one of its members is enough. */
type Needs = readonly (readonly Capability[])[];

const NEEDS: Readonly<Record<'dump' | 'restore', Needs>> = {
  // map_files and PTRACE_SECCOMP need the second one, everything else of a foreign process the first.
  dump: [['CAP_SYS_PTRACE'], ['CAP_SYS_ADMIN', 'CAP_CHECKPOINT_RESTORE']],
  // clone3 with set_tid and PR_SET_MM_MAP; tracing the new processes; ids and groups; PR_SET_SECUREBITS, or the capabilities would go with the ids.
  restore: [['CAP_SYS_ADMIN', 'CAP_CHECKPOINT_RESTORE'], ['CAP_SYS_PTRACE'], ['CAP_SETUID'], ['CAP_SETGID'], ['CAP_SETPCAP'], ['CAP_KILL']],
};

/** What of `needs` is not in the set; bit N is capability N. */
export function missingCapabilities(operation: 'dump' | 'restore', effective: bigint): string[] {
  const has = (name: Capability): boolean => ((effective >> BigInt(CAPABILITY[name])) & 1n) === 1n;
  return NEEDS[operation].filter((any) => !any.some(has)).map((any) => any.join(' or '));
}

/** @throws CrError CR_NO_PERMISSION that names every capability that is missing */
export function checkPrivileges(proc: ProcReader, operation: 'dump' | 'restore', target: TargetState): void {
  const missing = missingCapabilities(operation, readStatus(proc, process.pid)?.caps.effective ?? 0n);
  if (missing.length === 0) return;
  throw new CrError('CR_NO_PERMISSION', {
    message: `${operation} needs ${missing.join(', ')}, which this process (uid ${process.geteuid?.() ?? -1}) does not have`,
    hint: `Run as root (sudo criu-ts ${operation} ...), or in a container that grants ${missing.length === 1 ? 'it' : 'them'}.`,
    target,
  });
}
