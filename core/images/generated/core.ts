// Generated from core/images/schema/core.proto by config/generate-images.mjs. Do not edit.
import { MessageType, type MessageBase } from '../message.js';
import { THREAD_INFO_AARCH64, type ThreadInfoAarch64 } from './core-aarch64.js';
import { THREAD_INFO_ARM, THREAD_INFO_LOONGARCH64, THREAD_INFO_MIPS, THREAD_INFO_PPC64, THREAD_INFO_RISCV64, THREAD_INFO_S390, type ThreadInfoArm, type ThreadInfoLoongarch64, type ThreadInfoMips, type ThreadInfoPpc64, type ThreadInfoRiscv64, type ThreadInfoS390 } from './core-other.js';
import { THREAD_INFO_X86, type ThreadInfoX86 } from './core-x86.js';
import { TASK_KOBJ_IDS_ENTRY, type TaskKobjIdsEntry } from './task.js';

export interface ItimerEntry extends MessageBase {
  isec: bigint;
  iusec: bigint;
  vsec: bigint;
  vusec: bigint;
}

export const ITIMER_ENTRY : MessageType<ItimerEntry> = new MessageType('itimer_entry', () => [
  [1, 'isec', 'required', 'uint64'],
  [2, 'iusec', 'required', 'uint64'],
  [3, 'vsec', 'required', 'uint64'],
  [4, 'vusec', 'required', 'uint64'],
]);

export interface PosixTimerEntry extends MessageBase {
  it_id: number;
  clock_id: number;
  si_signo: number;
  it_sigev_notify: number;
  sival_ptr: bigint;
  overrun: number;
  isec: bigint;
  insec: bigint;
  vsec: bigint;
  vnsec: bigint;
  notify_thread_id?: number | undefined;
}

export const POSIX_TIMER_ENTRY : MessageType<PosixTimerEntry> = new MessageType('posix_timer_entry', () => [
  [1, 'it_id', 'required', 'uint32'],
  [2, 'clock_id', 'required', 'uint32'],
  [3, 'si_signo', 'required', 'uint32'],
  [4, 'it_sigev_notify', 'required', 'uint32'],
  [5, 'sival_ptr', 'required', 'uint64'],
  [6, 'overrun', 'required', 'uint32'],
  [7, 'isec', 'required', 'uint64'],
  [8, 'insec', 'required', 'uint64'],
  [9, 'vsec', 'required', 'uint64'],
  [10, 'vnsec', 'required', 'uint64'],
  [11, 'notify_thread_id', 'optional', 'int32'],
]);

export interface TaskTimersEntry extends MessageBase {
  real: ItimerEntry;
  virt: ItimerEntry;
  prof: ItimerEntry;
  posix: PosixTimerEntry[];
}

export const TASK_TIMERS_ENTRY : MessageType<TaskTimersEntry> = new MessageType('task_timers_entry', () => [
  [1, 'real', 'required', ITIMER_ENTRY],
  [2, 'virt', 'required', ITIMER_ENTRY],
  [3, 'prof', 'required', ITIMER_ENTRY],
  [4, 'posix', 'repeated', POSIX_TIMER_ENTRY],
]);

export interface RlimitEntry extends MessageBase {
  cur: bigint;
  max: bigint;
}

export const RLIMIT_ENTRY : MessageType<RlimitEntry> = new MessageType('rlimit_entry', () => [
  [1, 'cur', 'required', 'uint64'],
  [2, 'max', 'required', 'uint64'],
]);

export interface CredsEntry extends MessageBase {
  uid: number;
  gid: number;
  euid: number;
  egid: number;
  suid: number;
  sgid: number;
  fsuid: number;
  fsgid: number;
  cap_inh: number[];
  cap_prm: number[];
  cap_eff: number[];
  cap_bnd: number[];
  secbits: number;
  groups: number[];
  lsm_profile?: string | undefined;
  lsm_sockcreate?: string | undefined;
  apparmor_data?: Uint8Array | undefined;
  no_new_privs?: number | undefined;
  cap_amb: number[];
}

export const CREDS_ENTRY : MessageType<CredsEntry> = new MessageType('creds_entry', () => [
  [1, 'uid', 'required', 'uint32'],
  [2, 'gid', 'required', 'uint32'],
  [3, 'euid', 'required', 'uint32'],
  [4, 'egid', 'required', 'uint32'],
  [5, 'suid', 'required', 'uint32'],
  [6, 'sgid', 'required', 'uint32'],
  [7, 'fsuid', 'required', 'uint32'],
  [8, 'fsgid', 'required', 'uint32'],
  [9, 'cap_inh', 'repeated', 'uint32'],
  [10, 'cap_prm', 'repeated', 'uint32'],
  [11, 'cap_eff', 'repeated', 'uint32'],
  [12, 'cap_bnd', 'repeated', 'uint32'],
  [13, 'secbits', 'required', 'uint32'],
  [14, 'groups', 'repeated', 'uint32'],
  [15, 'lsm_profile', 'optional', 'string'],
  [16, 'lsm_sockcreate', 'optional', 'string'],
  [17, 'apparmor_data', 'optional', 'bytes'],
  [18, 'no_new_privs', 'optional', 'uint32'],
  [19, 'cap_amb', 'repeated', 'uint32'],
]);

export interface SaEntry extends MessageBase {
  sigaction: bigint;
  flags: bigint;
  restorer: bigint;
  mask: bigint;
  compat_sigaction?: boolean | undefined;
  mask_extended?: bigint | undefined;
}

export const SA_ENTRY : MessageType<SaEntry> = new MessageType('sa_entry', () => [
  [1, 'sigaction', 'required', 'uint64'],
  [2, 'flags', 'required', 'uint64'],
  [3, 'restorer', 'required', 'uint64'],
  [4, 'mask', 'required', 'uint64'],
  [5, 'compat_sigaction', 'optional', 'bool'],
  [6, 'mask_extended', 'optional', 'uint64'],
]);

export interface SiginfoEntry extends MessageBase {
  siginfo: Uint8Array;
}

export const SIGINFO_ENTRY : MessageType<SiginfoEntry> = new MessageType('siginfo_entry', () => [
  [1, 'siginfo', 'required', 'bytes'],
]);

export interface SignalQueueEntry extends MessageBase {
  signals: SiginfoEntry[];
}

export const SIGNAL_QUEUE_ENTRY : MessageType<SignalQueueEntry> = new MessageType('signal_queue_entry', () => [
  [1, 'signals', 'repeated', SIGINFO_ENTRY],
]);

export interface RseqEntry extends MessageBase {
  rseq_abi_pointer: bigint;
  rseq_abi_size: number;
  signature: number;
  rseq_cs_pointer?: bigint | undefined;
}

export const RSEQ_ENTRY : MessageType<RseqEntry> = new MessageType('rseq_entry', () => [
  [1, 'rseq_abi_pointer', 'required', 'uint64'],
  [2, 'rseq_abi_size', 'required', 'uint32'],
  [3, 'signature', 'required', 'uint32'],
  [4, 'rseq_cs_pointer', 'optional', 'uint64'],
]);

export const SECCOMP_MODE = {
  disabled: 0,
  strict: 1,
  filter: 2,
} as const;

export interface TaskCoreEntry extends MessageBase {
  task_state: number;
  exit_code: number;
  personality: number;
  flags: number;
  blk_sigset: bigint;
  comm: string;
  timers?: TaskTimersEntry | undefined;
  rlimits?: TaskRlimitsEntry | undefined;
  cg_set?: number | undefined;
  signals_s?: SignalQueueEntry | undefined;
  old_seccomp_mode?: number | undefined;
  old_seccomp_filter?: number | undefined;
  loginuid?: number | undefined;
  oom_score_adj?: number | undefined;
  sigactions: SaEntry[];
  child_subreaper?: boolean | undefined;
  blk_sigset_extended?: bigint | undefined;
  stop_signo?: number | undefined;
  membarrier_registration_mask?: number | undefined;
}

export const TASK_CORE_ENTRY : MessageType<TaskCoreEntry> = new MessageType('task_core_entry', () => [
  [1, 'task_state', 'required', 'uint32'],
  [2, 'exit_code', 'required', 'uint32'],
  [3, 'personality', 'required', 'uint32'],
  [4, 'flags', 'required', 'uint32'],
  [5, 'blk_sigset', 'required', 'uint64'],
  [6, 'comm', 'required', 'string'],
  [7, 'timers', 'optional', TASK_TIMERS_ENTRY],
  [8, 'rlimits', 'optional', TASK_RLIMITS_ENTRY],
  [9, 'cg_set', 'optional', 'uint32'],
  [10, 'signals_s', 'optional', SIGNAL_QUEUE_ENTRY],
  [11, 'old_seccomp_mode', 'optional', { enum: 'seccomp_mode', values: SECCOMP_MODE }],
  [12, 'old_seccomp_filter', 'optional', 'uint32'],
  [13, 'loginuid', 'optional', 'uint32'],
  [14, 'oom_score_adj', 'optional', 'int32'],
  [15, 'sigactions', 'repeated', SA_ENTRY],
  [18, 'child_subreaper', 'optional', 'bool'],
  [20, 'blk_sigset_extended', 'optional', 'uint64'],
  [21, 'stop_signo', 'optional', 'uint32'],
  [22, 'membarrier_registration_mask', 'optional', 'uint32'],
]);

export interface ThreadSasEntry extends MessageBase {
  ss_sp: bigint;
  ss_size: bigint;
  ss_flags: number;
}

export const THREAD_SAS_ENTRY : MessageType<ThreadSasEntry> = new MessageType('thread_sas_entry', () => [
  [1, 'ss_sp', 'required', 'uint64'],
  [2, 'ss_size', 'required', 'uint64'],
  [3, 'ss_flags', 'required', 'uint32'],
]);

export interface ThreadCoreEntry extends MessageBase {
  futex_rla: bigint;
  futex_rla_len: number;
  sched_nice?: number | undefined;
  sched_policy?: number | undefined;
  sched_prio?: number | undefined;
  blk_sigset?: bigint | undefined;
  sas?: ThreadSasEntry | undefined;
  pdeath_sig?: number | undefined;
  signals_p?: SignalQueueEntry | undefined;
  creds?: CredsEntry | undefined;
  seccomp_mode?: number | undefined;
  seccomp_filter?: number | undefined;
  comm?: string | undefined;
  blk_sigset_extended?: bigint | undefined;
  rseq_entry?: RseqEntry | undefined;
  cg_set?: number | undefined;
}

export const THREAD_CORE_ENTRY : MessageType<ThreadCoreEntry> = new MessageType('thread_core_entry', () => [
  [1, 'futex_rla', 'required', 'uint64'],
  [2, 'futex_rla_len', 'required', 'uint32'],
  [3, 'sched_nice', 'optional', 'sint32'],
  [4, 'sched_policy', 'optional', 'uint32'],
  [5, 'sched_prio', 'optional', 'uint32'],
  [6, 'blk_sigset', 'optional', 'uint64'],
  [7, 'sas', 'optional', THREAD_SAS_ENTRY],
  [8, 'pdeath_sig', 'optional', 'uint32'],
  [9, 'signals_p', 'optional', SIGNAL_QUEUE_ENTRY],
  [10, 'creds', 'optional', CREDS_ENTRY],
  [11, 'seccomp_mode', 'optional', { enum: 'seccomp_mode', values: SECCOMP_MODE }],
  [12, 'seccomp_filter', 'optional', 'uint32'],
  [13, 'comm', 'optional', 'string'],
  [14, 'blk_sigset_extended', 'optional', 'uint64'],
  [15, 'rseq_entry', 'optional', RSEQ_ENTRY],
  [16, 'cg_set', 'optional', 'uint32'],
]);

export interface TaskRlimitsEntry extends MessageBase {
  rlimits: RlimitEntry[];
}

export const TASK_RLIMITS_ENTRY : MessageType<TaskRlimitsEntry> = new MessageType('task_rlimits_entry', () => [
  [1, 'rlimits', 'repeated', RLIMIT_ENTRY],
]);

export const CORE_ENTRY_MARCH = {
  UNKNOWN: 0,
  X86_64: 1,
  ARM: 2,
  AARCH64: 3,
  PPC64: 4,
  S390: 5,
  MIPS: 6,
  LOONGARCH64: 7,
  RISCV64: 8,
} as const;

export interface CoreEntry extends MessageBase {
  mtype: number;
  thread_info?: ThreadInfoX86 | undefined;
  tc?: TaskCoreEntry | undefined;
  ids?: TaskKobjIdsEntry | undefined;
  thread_core?: ThreadCoreEntry | undefined;
  ti_arm?: ThreadInfoArm | undefined;
  ti_aarch64?: ThreadInfoAarch64 | undefined;
  ti_ppc64?: ThreadInfoPpc64 | undefined;
  ti_s390?: ThreadInfoS390 | undefined;
  ti_mips?: ThreadInfoMips | undefined;
  ti_loongarch64?: ThreadInfoLoongarch64 | undefined;
  ti_riscv64?: ThreadInfoRiscv64 | undefined;
}

export const CORE_ENTRY : MessageType<CoreEntry> = new MessageType('core_entry', () => [
  [1, 'mtype', 'required', { enum: 'core_entry_march', values: CORE_ENTRY_MARCH }],
  [2, 'thread_info', 'optional', THREAD_INFO_X86],
  [3, 'tc', 'optional', TASK_CORE_ENTRY],
  [4, 'ids', 'optional', TASK_KOBJ_IDS_ENTRY],
  [5, 'thread_core', 'optional', THREAD_CORE_ENTRY],
  [6, 'ti_arm', 'optional', THREAD_INFO_ARM],
  [8, 'ti_aarch64', 'optional', THREAD_INFO_AARCH64],
  [9, 'ti_ppc64', 'optional', THREAD_INFO_PPC64],
  [10, 'ti_s390', 'optional', THREAD_INFO_S390],
  [11, 'ti_mips', 'optional', THREAD_INFO_MIPS],
  [12, 'ti_loongarch64', 'optional', THREAD_INFO_LOONGARCH64],
  [13, 'ti_riscv64', 'optional', THREAD_INFO_RISCV64],
]);
