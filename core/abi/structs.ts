/**
 * Layouts of kernel structures that programs fill in or read: name in C, header, size, and for each field (named as in C) its offset and type. One home
 * for both sides: the builder types its pointers by it (core/program/ptr.ts), and native/generated/check_structs.c lets the compiler compare every line
 * with the kernel's headers. Those of 64-bit little-endian Linux; what an architecture has otherwise comes from it (core/arch).
 */
import { arch } from '../arch/current.js';

/** Width and sign of a field. `u64` reads as bigint, all others as number. */
export type FieldType = 'u16' | 'i16' | 'u32' | 'i32' | 'u64';
export const FIELD_SIZE: Readonly<Record<FieldType, number>> = { u16: 2, i16: 2, u32: 4, i32: 4, u64: 8 };

export interface StructLayout {
  /** As in C: `struct clone_args`. */
  readonly c: string;
  /** Header of the kernel's user interface. */
  readonly header: string;
  readonly size: number;
  /** Macro without which the build host's headers are too old to have the structure. */
  readonly needs?: string;
  readonly fields: Readonly<Record<string, readonly [at: number, type: FieldType]>>;
}

export const STRUCTS = {
  /** clone3(2). */
  clone_args: {
    c: 'struct clone_args',
    header: 'linux/sched.h',
    size: 88,
    fields: {
      flags: [0, 'u64'],
      parent_tid: [24, 'u64'],
      exit_signal: [32, 'u64'],
      stack: [40, 'u64'],
      stack_size: [48, 'u64'],
      set_tid: [64, 'u64'],
      set_tid_size: [72, 'u64'],
      cgroup: [80, 'u64'],
    },
  },
  /** clock_gettime(2), nanosleep(2). */
  timespec: {
    c: 'struct __kernel_timespec',
    header: 'linux/time_types.h',
    size: 16,
    fields: { tv_sec: [0, 'u64'], tv_nsec: [8, 'u64'] },
  },
  /** timer_settime(2), timerfd_settime(2). */
  itimerspec: {
    c: 'struct __kernel_itimerspec',
    header: 'linux/time_types.h',
    size: 32,
    fields: {
      'it_interval.tv_sec': [0, 'u64'],
      'it_interval.tv_nsec': [8, 'u64'],
      'it_value.tv_sec': [16, 'u64'],
      'it_value.tv_nsec': [24, 'u64'],
    },
  },
  /** setitimer(2). */
  itimerval: {
    c: 'struct itimerval',
    header: 'linux/time.h',
    size: 32,
    fields: {
      'it_interval.tv_sec': [0, 'u64'],
      'it_interval.tv_usec': [8, 'u64'],
      'it_value.tv_sec': [16, 'u64'],
      'it_value.tv_usec': [24, 'u64'],
    },
  },
  /** timer_create(2). */
  sigevent: {
    c: 'struct sigevent',
    header: 'asm/siginfo.h',
    size: 64,
    fields: { 'sigev_value.sival_ptr': [0, 'u64'], sigev_signo: [8, 'i32'], sigev_notify: [12, 'i32'], '_sigev_un._tid': [16, 'i32'] },
  },
  /** rt_sigaction(2): the kernel's own, not libc's. */
  sigaction: {
    c: 'struct sigaction',
    header: 'asm/signal.h',
    size: 32,
    fields: { sa_handler: [0, 'u64'], sa_flags: [8, 'u64'], sa_restorer: [16, 'u64'], sa_mask: [24, 'u64'] },
  },
  /** sigaltstack(2). */
  stack: {
    c: 'stack_t',
    header: 'asm/signal.h',
    size: 24,
    fields: { ss_sp: [0, 'u64'], ss_flags: [8, 'i32'], ss_size: [16, 'u64'] },
  },
  /** prlimit(2). */
  rlimit64: {
    c: 'struct rlimit64',
    header: 'linux/resource.h',
    size: 16,
    fields: { rlim_cur: [0, 'u64'], rlim_max: [8, 'u64'] },
  },
  /** readv(2). */
  iovec: {
    c: 'struct iovec',
    header: 'linux/uio.h',
    size: 16,
    fields: { iov_base: [0, 'u64'], iov_len: [8, 'u64'] },
  },
  /** epoll_ctl(2). */
  epoll_event: {
    c: 'struct epoll_event',
    header: 'linux/eventpoll.h',
    size: arch.epollEvent.size,
    fields: arch.epollEvent.fields,
  },
  /** sched_setattr(2), with the utilization clamps of 5.3. */
  sched_attr: {
    c: 'struct sched_attr',
    header: 'linux/sched/types.h',
    size: 56,
    fields: {
      size: [0, 'u32'],
      sched_policy: [4, 'u32'],
      sched_flags: [8, 'u64'],
      sched_nice: [16, 'i32'],
      sched_priority: [20, 'u32'],
      sched_util_min: [48, 'u32'],
      sched_util_max: [52, 'u32'],
    },
  },
  /** capset(2). */
  cap_header: {
    c: 'struct __user_cap_header_struct',
    header: 'linux/capability.h',
    size: 8,
    fields: { version: [0, 'u32'], pid: [4, 'i32'] },
  },
  /** capset(2): version 3 has two of them, for capabilities 0 to 31 and 32 to 63. */
  cap_data: {
    c: 'struct __user_cap_data_struct',
    header: 'linux/capability.h',
    size: 12,
    fields: { effective: [0, 'u32'], permitted: [4, 'u32'], inheritable: [8, 'u32'] },
  },
  /** rseq(2); later kernels only add behind. */
  rseq: {
    c: 'struct rseq',
    header: 'linux/rseq.h',
    size: 32,
    fields: { cpu_id: [4, 'u32'], rseq_cs: [8, 'u64'], flags: [16, 'u32'] },
  },
  /** A critical section of rseq(2). */
  rseq_cs: {
    c: 'struct rseq_cs',
    header: 'linux/rseq.h',
    size: 32,
    fields: { version: [0, 'u32'], flags: [4, 'u32'], start_ip: [8, 'u64'], post_commit_offset: [16, 'u64'], abort_ip: [24, 'u64'] },
  },
  /** PTRACE_GET_RSEQ_CONFIGURATION (5.13). */
  ptrace_rseq_configuration: {
    c: 'struct ptrace_rseq_configuration',
    header: 'linux/ptrace.h',
    size: 24,
    needs: 'PTRACE_GET_RSEQ_CONFIGURATION',
    fields: { rseq_abi_pointer: [0, 'u64'], rseq_abi_size: [8, 'u32'], signature: [12, 'u32'], flags: [16, 'u32'] },
  },
  /** PTRACE_PEEKSIGINFO. */
  ptrace_peeksiginfo_args: {
    c: 'struct ptrace_peeksiginfo_args',
    header: 'linux/ptrace.h',
    size: 16,
    fields: { off: [0, 'u64'], flags: [8, 'u32'], nr: [12, 'i32'] },
  },
  /** PTRACE_GET_SYSCALL_USER_DISPATCH_CONFIG (6.4). */
  ptrace_sud_config: {
    c: 'struct ptrace_sud_config',
    header: 'linux/ptrace.h',
    size: 32,
    needs: 'PTRACE_GET_SYSCALL_USER_DISPATCH_CONFIG',
    fields: { mode: [0, 'u64'], selector: [8, 'u64'], offset: [16, 'u64'], len: [24, 'u64'] },
  },
  /** PR_SET_MM_MAP, prctl(2). */
  prctl_mm_map: {
    c: 'struct prctl_mm_map',
    header: 'linux/prctl.h',
    size: 104,
    fields: {
      start_code: [0, 'u64'],
      end_code: [8, 'u64'],
      start_data: [16, 'u64'],
      end_data: [24, 'u64'],
      start_brk: [32, 'u64'],
      brk: [40, 'u64'],
      start_stack: [48, 'u64'],
      arg_start: [56, 'u64'],
      arg_end: [64, 'u64'],
      env_start: [72, 'u64'],
      env_end: [80, 'u64'],
      auxv: [88, 'u64'],
      auxv_size: [96, 'u32'],
      exe_fd: [100, 'u32'],
    },
  },
  /** PAGEMAP_SCAN (6.7). */
  pm_scan_arg: {
    c: 'struct pm_scan_arg',
    header: 'linux/fs.h',
    size: 96,
    needs: 'PAGEMAP_SCAN',
    fields: {
      size: [0, 'u64'],
      flags: [8, 'u64'],
      start: [16, 'u64'],
      end: [24, 'u64'],
      walk_end: [32, 'u64'],
      vec: [40, 'u64'],
      vec_len: [48, 'u64'],
      max_pages: [56, 'u64'],
      category_inverted: [64, 'u64'],
      category_mask: [72, 'u64'],
      category_anyof_mask: [80, 'u64'],
      return_mask: [88, 'u64'],
    },
  },
  /** One answer of PAGEMAP_SCAN. */
  page_region: {
    c: 'struct page_region',
    header: 'linux/fs.h',
    size: 24,
    needs: 'PAGEMAP_SCAN',
    fields: { start: [0, 'u64'], end: [8, 'u64'], categories: [16, 'u64'] },
  },
  /** F_SETOWN_EX, fcntl(2). */
  f_owner_ex: {
    c: 'struct f_owner_ex',
    header: 'asm/fcntl.h',
    size: 8,
    fields: { type: [0, 'i32'], pid: [4, 'i32'] },
  },
  /** F_SETLK, fcntl(2). */
  flock: {
    c: 'struct flock',
    header: 'asm/fcntl.h',
    size: 32,
    fields: { l_type: [0, 'i16'], l_whence: [2, 'i16'], l_start: [8, 'u64'], l_len: [16, 'u64'], l_pid: [24, 'i32'] },
  },
  /** openat2(2). */
  open_how: {
    c: 'struct open_how',
    header: 'linux/openat2.h',
    size: 24,
    fields: { flags: [0, 'u64'], mode: [8, 'u64'], resolve: [16, 'u64'] },
  },
  /** mount_setattr(2). */
  mount_attr: {
    c: 'struct mount_attr',
    header: 'linux/mount.h',
    size: 32,
    fields: { attr_set: [0, 'u64'], attr_clr: [8, 'u64'], propagation: [16, 'u64'], userns_fd: [24, 'u64'] },
  },
  /** KCMP_EPOLL_TFD, kcmp(2). */
  kcmp_epoll_slot: {
    c: 'struct kcmp_epoll_slot',
    header: 'linux/kcmp.h',
    size: 12,
    fields: { efd: [0, 'u32'], tfd: [4, 'u32'], toff: [8, 'u32'] },
  },
  /** set_robust_list(2). */
  robust_list_head: {
    c: 'struct robust_list_head',
    header: 'linux/futex.h',
    size: 24,
    fields: { 'list.next': [0, 'u64'], futex_offset: [8, 'u64'], list_op_pending: [16, 'u64'] },
  },
} as const satisfies Readonly<Record<string, StructLayout>>;

export type StructName = keyof typeof STRUCTS;
export type FieldName<S extends StructName> = keyof (typeof STRUCTS)[S]['fields'] & string;
/** What a field reads as. */
export type FieldValue<S extends StructName, F extends FieldName<S>> = (typeof STRUCTS)[S]['fields'][F] extends readonly [number, 'u64']
  ? bigint
  : number;
export type FieldValues<S extends StructName> = { readonly [F in FieldName<S>]?: number | bigint };

export function layoutOf(name: StructName): StructLayout {
  return STRUCTS[name];
}
