/* Generated from core/abi/structs.ts and core/arch by config/generate-native.mjs. Do not edit. Compiles only when the layouts are those of the kernel headers. */
#include <asm/fcntl.h>
#include <asm/siginfo.h>
#include <asm/signal.h>
#include <linux/capability.h>
#include <linux/eventpoll.h>
#include <linux/fs.h>
#include <linux/futex.h>
#include <linux/kcmp.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <linux/prctl.h>
#include <linux/ptrace.h>
#include <linux/resource.h>
#include <linux/rseq.h>
#include <linux/sched.h>
#include <linux/sched/types.h>
#include <linux/time.h>
#include <linux/time_types.h>
#include <linux/uio.h>

#define SIZE(type, size) _Static_assert(sizeof(type) == (size), #type)
#define FIELD(type, field, at, size) \
  _Static_assert(__builtin_offsetof(type, field) == (at) && sizeof(((type *)0)->field) == (size), #type " " #field)

#ifdef __LP64__
SIZE(struct clone_args, 88);
FIELD(struct clone_args, flags, 0, 8);
FIELD(struct clone_args, parent_tid, 24, 8);
FIELD(struct clone_args, exit_signal, 32, 8);
FIELD(struct clone_args, stack, 40, 8);
FIELD(struct clone_args, stack_size, 48, 8);
FIELD(struct clone_args, set_tid, 64, 8);
FIELD(struct clone_args, set_tid_size, 72, 8);
FIELD(struct clone_args, cgroup, 80, 8);
SIZE(struct __kernel_timespec, 16);
FIELD(struct __kernel_timespec, tv_sec, 0, 8);
FIELD(struct __kernel_timespec, tv_nsec, 8, 8);
SIZE(struct __kernel_itimerspec, 32);
FIELD(struct __kernel_itimerspec, it_interval.tv_sec, 0, 8);
FIELD(struct __kernel_itimerspec, it_interval.tv_nsec, 8, 8);
FIELD(struct __kernel_itimerspec, it_value.tv_sec, 16, 8);
FIELD(struct __kernel_itimerspec, it_value.tv_nsec, 24, 8);
SIZE(struct itimerval, 32);
FIELD(struct itimerval, it_interval.tv_sec, 0, 8);
FIELD(struct itimerval, it_interval.tv_usec, 8, 8);
FIELD(struct itimerval, it_value.tv_sec, 16, 8);
FIELD(struct itimerval, it_value.tv_usec, 24, 8);
SIZE(struct sigevent, 64);
FIELD(struct sigevent, sigev_value.sival_ptr, 0, 8);
FIELD(struct sigevent, sigev_signo, 8, 4);
FIELD(struct sigevent, sigev_notify, 12, 4);
FIELD(struct sigevent, _sigev_un._tid, 16, 4);
SIZE(struct sigaction, 32);
FIELD(struct sigaction, sa_handler, 0, 8);
FIELD(struct sigaction, sa_flags, 8, 8);
FIELD(struct sigaction, sa_restorer, 16, 8);
FIELD(struct sigaction, sa_mask, 24, 8);
SIZE(stack_t, 24);
FIELD(stack_t, ss_sp, 0, 8);
FIELD(stack_t, ss_flags, 8, 4);
FIELD(stack_t, ss_size, 16, 8);
SIZE(struct rlimit64, 16);
FIELD(struct rlimit64, rlim_cur, 0, 8);
FIELD(struct rlimit64, rlim_max, 8, 8);
SIZE(struct iovec, 16);
FIELD(struct iovec, iov_base, 0, 8);
FIELD(struct iovec, iov_len, 8, 8);
SIZE(struct sched_attr, 56);
FIELD(struct sched_attr, size, 0, 4);
FIELD(struct sched_attr, sched_policy, 4, 4);
FIELD(struct sched_attr, sched_flags, 8, 8);
FIELD(struct sched_attr, sched_nice, 16, 4);
FIELD(struct sched_attr, sched_priority, 20, 4);
FIELD(struct sched_attr, sched_util_min, 48, 4);
FIELD(struct sched_attr, sched_util_max, 52, 4);
SIZE(struct __user_cap_header_struct, 8);
FIELD(struct __user_cap_header_struct, version, 0, 4);
FIELD(struct __user_cap_header_struct, pid, 4, 4);
SIZE(struct __user_cap_data_struct, 12);
FIELD(struct __user_cap_data_struct, effective, 0, 4);
FIELD(struct __user_cap_data_struct, permitted, 4, 4);
FIELD(struct __user_cap_data_struct, inheritable, 8, 4);
SIZE(struct rseq, 32);
FIELD(struct rseq, cpu_id, 4, 4);
FIELD(struct rseq, rseq_cs, 8, 8);
FIELD(struct rseq, flags, 16, 4);
SIZE(struct rseq_cs, 32);
FIELD(struct rseq_cs, version, 0, 4);
FIELD(struct rseq_cs, flags, 4, 4);
FIELD(struct rseq_cs, start_ip, 8, 8);
FIELD(struct rseq_cs, post_commit_offset, 16, 8);
FIELD(struct rseq_cs, abort_ip, 24, 8);
#ifdef PTRACE_GET_RSEQ_CONFIGURATION
SIZE(struct ptrace_rseq_configuration, 24);
FIELD(struct ptrace_rseq_configuration, rseq_abi_pointer, 0, 8);
FIELD(struct ptrace_rseq_configuration, rseq_abi_size, 8, 4);
FIELD(struct ptrace_rseq_configuration, signature, 12, 4);
FIELD(struct ptrace_rseq_configuration, flags, 16, 4);
#endif
SIZE(struct ptrace_peeksiginfo_args, 16);
FIELD(struct ptrace_peeksiginfo_args, off, 0, 8);
FIELD(struct ptrace_peeksiginfo_args, flags, 8, 4);
FIELD(struct ptrace_peeksiginfo_args, nr, 12, 4);
#ifdef PTRACE_GET_SYSCALL_USER_DISPATCH_CONFIG
SIZE(struct ptrace_sud_config, 32);
FIELD(struct ptrace_sud_config, mode, 0, 8);
FIELD(struct ptrace_sud_config, selector, 8, 8);
FIELD(struct ptrace_sud_config, offset, 16, 8);
FIELD(struct ptrace_sud_config, len, 24, 8);
#endif
SIZE(struct prctl_mm_map, 104);
FIELD(struct prctl_mm_map, start_code, 0, 8);
FIELD(struct prctl_mm_map, end_code, 8, 8);
FIELD(struct prctl_mm_map, start_data, 16, 8);
FIELD(struct prctl_mm_map, end_data, 24, 8);
FIELD(struct prctl_mm_map, start_brk, 32, 8);
FIELD(struct prctl_mm_map, brk, 40, 8);
FIELD(struct prctl_mm_map, start_stack, 48, 8);
FIELD(struct prctl_mm_map, arg_start, 56, 8);
FIELD(struct prctl_mm_map, arg_end, 64, 8);
FIELD(struct prctl_mm_map, env_start, 72, 8);
FIELD(struct prctl_mm_map, env_end, 80, 8);
FIELD(struct prctl_mm_map, auxv, 88, 8);
FIELD(struct prctl_mm_map, auxv_size, 96, 4);
FIELD(struct prctl_mm_map, exe_fd, 100, 4);
#ifdef PAGEMAP_SCAN
SIZE(struct pm_scan_arg, 96);
FIELD(struct pm_scan_arg, size, 0, 8);
FIELD(struct pm_scan_arg, flags, 8, 8);
FIELD(struct pm_scan_arg, start, 16, 8);
FIELD(struct pm_scan_arg, end, 24, 8);
FIELD(struct pm_scan_arg, walk_end, 32, 8);
FIELD(struct pm_scan_arg, vec, 40, 8);
FIELD(struct pm_scan_arg, vec_len, 48, 8);
FIELD(struct pm_scan_arg, max_pages, 56, 8);
FIELD(struct pm_scan_arg, category_inverted, 64, 8);
FIELD(struct pm_scan_arg, category_mask, 72, 8);
FIELD(struct pm_scan_arg, category_anyof_mask, 80, 8);
FIELD(struct pm_scan_arg, return_mask, 88, 8);
#endif
#ifdef PAGEMAP_SCAN
SIZE(struct page_region, 24);
FIELD(struct page_region, start, 0, 8);
FIELD(struct page_region, end, 8, 8);
FIELD(struct page_region, categories, 16, 8);
#endif
SIZE(struct f_owner_ex, 8);
FIELD(struct f_owner_ex, type, 0, 4);
FIELD(struct f_owner_ex, pid, 4, 4);
SIZE(struct flock, 32);
FIELD(struct flock, l_type, 0, 2);
FIELD(struct flock, l_whence, 2, 2);
FIELD(struct flock, l_start, 8, 8);
FIELD(struct flock, l_len, 16, 8);
FIELD(struct flock, l_pid, 24, 4);
SIZE(struct open_how, 24);
FIELD(struct open_how, flags, 0, 8);
FIELD(struct open_how, mode, 8, 8);
FIELD(struct open_how, resolve, 16, 8);
SIZE(struct mount_attr, 32);
FIELD(struct mount_attr, attr_set, 0, 8);
FIELD(struct mount_attr, attr_clr, 8, 8);
FIELD(struct mount_attr, propagation, 16, 8);
FIELD(struct mount_attr, userns_fd, 24, 8);
SIZE(struct kcmp_epoll_slot, 12);
FIELD(struct kcmp_epoll_slot, efd, 0, 4);
FIELD(struct kcmp_epoll_slot, tfd, 4, 4);
FIELD(struct kcmp_epoll_slot, toff, 8, 4);
SIZE(struct robust_list_head, 24);
FIELD(struct robust_list_head, list.next, 0, 8);
FIELD(struct robust_list_head, futex_offset, 8, 8);
FIELD(struct robust_list_head, list_op_pending, 16, 8);
#endif
#ifdef __x86_64__
SIZE(struct epoll_event, 12);
FIELD(struct epoll_event, events, 0, 4);
FIELD(struct epoll_event, data, 4, 8);
#endif
