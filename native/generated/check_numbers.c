/* Generated from core/abi and core/arch by config/generate-native.mjs. Do not edit. Compiles only when the numbers are those of the kernel headers. */
#include <asm/unistd.h>
#include <elf.h>
#include <errno.h>
#include <linux/ptrace.h>
#include <stddef.h>
#ifdef __x86_64__
#include <sys/user.h>
#endif

#define SAME(what, value) _Static_assert((long)(what) == (long)(value), #what)

#ifdef __x86_64__
#ifdef __NR_read
SAME(__NR_read, 0);
#endif
#ifdef __NR_write
SAME(__NR_write, 1);
#endif
#ifdef __NR_close
SAME(__NR_close, 3);
#endif
#ifdef __NR_fstat
SAME(__NR_fstat, 5);
#endif
#ifdef __NR_lseek
SAME(__NR_lseek, 8);
#endif
#ifdef __NR_modify_ldt
SAME(__NR_modify_ldt, 154);
#endif
#ifdef __NR_mincore
SAME(__NR_mincore, 27);
#endif
#ifdef __NR_mlockall
SAME(__NR_mlockall, 151);
#endif
#ifdef __NR_mmap
SAME(__NR_mmap, 9);
#endif
#ifdef __NR_mprotect
SAME(__NR_mprotect, 10);
#endif
#ifdef __NR_pkey_mprotect
SAME(__NR_pkey_mprotect, 329);
#endif
#ifdef __NR_pkey_alloc
SAME(__NR_pkey_alloc, 330);
#endif
#ifdef __NR_pkey_free
SAME(__NR_pkey_free, 331);
#endif
#ifdef __NR_munmap
SAME(__NR_munmap, 11);
#endif
#ifdef __NR_brk
SAME(__NR_brk, 12);
#endif
#ifdef __NR_rt_sigaction
SAME(__NR_rt_sigaction, 13);
#endif
#ifdef __NR_rt_sigprocmask
SAME(__NR_rt_sigprocmask, 14);
#endif
#ifdef __NR_ioctl
SAME(__NR_ioctl, 16);
#endif
#ifdef __NR_pread64
SAME(__NR_pread64, 17);
#endif
#ifdef __NR_pwrite64
SAME(__NR_pwrite64, 18);
#endif
#ifdef __NR_pipe2
SAME(__NR_pipe2, 293);
#endif
#ifdef __NR_mremap
SAME(__NR_mremap, 25);
#endif
#ifdef __NR_msync
SAME(__NR_msync, 26);
#endif
#ifdef __NR_madvise
SAME(__NR_madvise, 28);
#endif
#ifdef __NR_shmget
SAME(__NR_shmget, 29);
#endif
#ifdef __NR_shmat
SAME(__NR_shmat, 30);
#endif
#ifdef __NR_shmctl
SAME(__NR_shmctl, 31);
#endif
#ifdef __NR_shmdt
SAME(__NR_shmdt, 67);
#endif
#ifdef __NR_semget
SAME(__NR_semget, 64);
#endif
#ifdef __NR_semop
SAME(__NR_semop, 65);
#endif
#ifdef __NR_semctl
SAME(__NR_semctl, 66);
#endif
#ifdef __NR_msgget
SAME(__NR_msgget, 68);
#endif
#ifdef __NR_msgsnd
SAME(__NR_msgsnd, 69);
#endif
#ifdef __NR_msgrcv
SAME(__NR_msgrcv, 70);
#endif
#ifdef __NR_msgctl
SAME(__NR_msgctl, 71);
#endif
#ifdef __NR_dup
SAME(__NR_dup, 32);
#endif
#ifdef __NR_nanosleep
SAME(__NR_nanosleep, 35);
#endif
#ifdef __NR_getitimer
SAME(__NR_getitimer, 36);
#endif
#ifdef __NR_setitimer
SAME(__NR_setitimer, 38);
#endif
#ifdef __NR_getpid
SAME(__NR_getpid, 39);
#endif
#ifdef __NR_exit
SAME(__NR_exit, 60);
#endif
#ifdef __NR_wait4
SAME(__NR_wait4, 61);
#endif
#ifdef __NR_kill
SAME(__NR_kill, 62);
#endif
#ifdef __NR_fcntl
SAME(__NR_fcntl, 72);
#endif
#ifdef __NR_flock
SAME(__NR_flock, 73);
#endif
#ifdef __NR_ftruncate
SAME(__NR_ftruncate, 77);
#endif
#ifdef __NR_chdir
SAME(__NR_chdir, 80);
#endif
#ifdef __NR_fchdir
SAME(__NR_fchdir, 81);
#endif
#ifdef __NR_mkdir
SAME(__NR_mkdir, 83);
#endif
#ifdef __NR_rmdir
SAME(__NR_rmdir, 84);
#endif
#ifdef __NR_unlink
SAME(__NR_unlink, 87);
#endif
#ifdef __NR_fchmod
SAME(__NR_fchmod, 91);
#endif
#ifdef __NR_fchown
SAME(__NR_fchown, 93);
#endif
#ifdef __NR_umask
SAME(__NR_umask, 95);
#endif
#ifdef __NR_getuid
SAME(__NR_getuid, 102);
#endif
#ifdef __NR_setpgid
SAME(__NR_setpgid, 109);
#endif
#ifdef __NR_setsid
SAME(__NR_setsid, 112);
#endif
#ifdef __NR_getgroups
SAME(__NR_getgroups, 115);
#endif
#ifdef __NR_setgroups
SAME(__NR_setgroups, 116);
#endif
#ifdef __NR_setresuid
SAME(__NR_setresuid, 117);
#endif
#ifdef __NR_setresgid
SAME(__NR_setresgid, 119);
#endif
#ifdef __NR_getpgid
SAME(__NR_getpgid, 121);
#endif
#ifdef __NR_setfsuid
SAME(__NR_setfsuid, 122);
#endif
#ifdef __NR_setfsgid
SAME(__NR_setfsgid, 123);
#endif
#ifdef __NR_getsid
SAME(__NR_getsid, 124);
#endif
#ifdef __NR_capget
SAME(__NR_capget, 125);
#endif
#ifdef __NR_capset
SAME(__NR_capset, 126);
#endif
#ifdef __NR_rt_sigpending
SAME(__NR_rt_sigpending, 127);
#endif
#ifdef __NR_rt_sigtimedwait
SAME(__NR_rt_sigtimedwait, 128);
#endif
#ifdef __NR_rt_sigqueueinfo
SAME(__NR_rt_sigqueueinfo, 129);
#endif
#ifdef __NR_sigaltstack
SAME(__NR_sigaltstack, 131);
#endif
#ifdef __NR_personality
SAME(__NR_personality, 135);
#endif
#ifdef __NR_getpriority
SAME(__NR_getpriority, 140);
#endif
#ifdef __NR_setpriority
SAME(__NR_setpriority, 141);
#endif
#ifdef __NR_sched_setscheduler
SAME(__NR_sched_setscheduler, 144);
#endif
#ifdef __NR_sched_getscheduler
SAME(__NR_sched_getscheduler, 145);
#endif
#ifdef __NR_mlock
SAME(__NR_mlock, 149);
#endif
#ifdef __NR_mlock2
SAME(__NR_mlock2, 325);
#endif
#ifdef __NR_prctl
SAME(__NR_prctl, 157);
#endif
#ifdef __NR_arch_prctl
SAME(__NR_arch_prctl, 158);
#endif
#ifdef __NR_chroot
SAME(__NR_chroot, 161);
#endif
#ifdef __NR_gettid
SAME(__NR_gettid, 186);
#endif
#ifdef __NR_tkill
SAME(__NR_tkill, 200);
#endif
#ifdef __NR_futex
SAME(__NR_futex, 202);
#endif
#ifdef __NR_sched_setaffinity
SAME(__NR_sched_setaffinity, 203);
#endif
#ifdef __NR_sched_getaffinity
SAME(__NR_sched_getaffinity, 204);
#endif
#ifdef __NR_io_setup
SAME(__NR_io_setup, 206);
#endif
#ifdef __NR_epoll_create1
SAME(__NR_epoll_create1, 291);
#endif
#ifdef __NR_epoll_ctl
SAME(__NR_epoll_ctl, 233);
#endif
#ifdef __NR_epoll_wait
SAME(__NR_epoll_wait, 232);
#endif
#ifdef __NR_set_tid_address
SAME(__NR_set_tid_address, 218);
#endif
#ifdef __NR_timer_create
SAME(__NR_timer_create, 222);
#endif
#ifdef __NR_timer_settime
SAME(__NR_timer_settime, 223);
#endif
#ifdef __NR_timer_gettime
SAME(__NR_timer_gettime, 224);
#endif
#ifdef __NR_timer_getoverrun
SAME(__NR_timer_getoverrun, 225);
#endif
#ifdef __NR_timer_delete
SAME(__NR_timer_delete, 226);
#endif
#ifdef __NR_clock_gettime
SAME(__NR_clock_gettime, 228);
#endif
#ifdef __NR_exit_group
SAME(__NR_exit_group, 231);
#endif
#ifdef __NR_tgkill
SAME(__NR_tgkill, 234);
#endif
#ifdef __NR_openat
SAME(__NR_openat, 257);
#endif
#ifdef __NR_mkdirat
SAME(__NR_mkdirat, 258);
#endif
#ifdef __NR_mknodat
SAME(__NR_mknodat, 259);
#endif
#ifdef __NR_fchownat
SAME(__NR_fchownat, 260);
#endif
#ifdef __NR_unlinkat
SAME(__NR_unlinkat, 263);
#endif
#ifdef __NR_linkat
SAME(__NR_linkat, 265);
#endif
#ifdef __NR_symlinkat
SAME(__NR_symlinkat, 266);
#endif
#ifdef __NR_readlinkat
SAME(__NR_readlinkat, 267);
#endif
#ifdef __NR_fchmodat
SAME(__NR_fchmodat, 268);
#endif
#ifdef __NR_utimensat
SAME(__NR_utimensat, 280);
#endif
#ifdef __NR_set_robust_list
SAME(__NR_set_robust_list, 273);
#endif
#ifdef __NR_get_robust_list
SAME(__NR_get_robust_list, 274);
#endif
#ifdef __NR_splice
SAME(__NR_splice, 275);
#endif
#ifdef __NR_tee
SAME(__NR_tee, 276);
#endif
#ifdef __NR_vmsplice
SAME(__NR_vmsplice, 278);
#endif
#ifdef __NR_signalfd4
SAME(__NR_signalfd4, 289);
#endif
#ifdef __NR_timerfd_create
SAME(__NR_timerfd_create, 283);
#endif
#ifdef __NR_timerfd_settime
SAME(__NR_timerfd_settime, 286);
#endif
#ifdef __NR_timerfd_gettime
SAME(__NR_timerfd_gettime, 287);
#endif
#ifdef __NR_eventfd2
SAME(__NR_eventfd2, 290);
#endif
#ifdef __NR_dup3
SAME(__NR_dup3, 292);
#endif
#ifdef __NR_inotify_init1
SAME(__NR_inotify_init1, 294);
#endif
#ifdef __NR_preadv
SAME(__NR_preadv, 295);
#endif
#ifdef __NR_pwritev
SAME(__NR_pwritev, 296);
#endif
#ifdef __NR_writev
SAME(__NR_writev, 20);
#endif
#ifdef __NR_readv
SAME(__NR_readv, 19);
#endif
#ifdef __NR_rt_tgsigqueueinfo
SAME(__NR_rt_tgsigqueueinfo, 297);
#endif
#ifdef __NR_prlimit64
SAME(__NR_prlimit64, 302);
#endif
#ifdef __NR_setns
SAME(__NR_setns, 308);
#endif
#ifdef __NR_process_vm_readv
SAME(__NR_process_vm_readv, 310);
#endif
#ifdef __NR_process_vm_writev
SAME(__NR_process_vm_writev, 311);
#endif
#ifdef __NR_kcmp
SAME(__NR_kcmp, 312);
#endif
#ifdef __NR_sched_setattr
SAME(__NR_sched_setattr, 314);
#endif
#ifdef __NR_sched_getattr
SAME(__NR_sched_getattr, 315);
#endif
#ifdef __NR_seccomp
SAME(__NR_seccomp, 317);
#endif
#ifdef __NR_memfd_create
SAME(__NR_memfd_create, 319);
#endif
#ifdef __NR_execveat
SAME(__NR_execveat, 322);
#endif
#ifdef __NR_userfaultfd
SAME(__NR_userfaultfd, 323);
#endif
#ifdef __NR_get_mempolicy
SAME(__NR_get_mempolicy, 239);
#endif
#ifdef __NR_set_mempolicy
SAME(__NR_set_mempolicy, 238);
#endif
#ifdef __NR_membarrier
SAME(__NR_membarrier, 324);
#endif
#ifdef __NR_rseq
SAME(__NR_rseq, 334);
#endif
#ifdef __NR_ptrace
SAME(__NR_ptrace, 101);
#endif
#ifdef __NR_pidfd_send_signal
SAME(__NR_pidfd_send_signal, 424);
#endif
#ifdef __NR_pidfd_open
SAME(__NR_pidfd_open, 434);
#endif
#ifdef __NR_clone3
SAME(__NR_clone3, 435);
#endif
#ifdef __NR_close_range
SAME(__NR_close_range, 436);
#endif
#ifdef __NR_openat2
SAME(__NR_openat2, 437);
#endif
#ifdef __NR_pidfd_getfd
SAME(__NR_pidfd_getfd, 438);
#endif
#ifdef __NR_process_madvise
SAME(__NR_process_madvise, 440);
#endif
#ifdef __NR_process_mrelease
SAME(__NR_process_mrelease, 448);
#endif
#ifdef __NR_ioprio_set
SAME(__NR_ioprio_set, 251);
#endif
#ifdef __NR_ioprio_get
SAME(__NR_ioprio_get, 252);
#endif
#ifdef __NR_unshare
SAME(__NR_unshare, 272);
#endif
#ifdef __NR_fallocate
SAME(__NR_fallocate, 285);
#endif
#ifdef __NR_socketpair
SAME(__NR_socketpair, 53);
#endif
#ifdef __NR_socket
SAME(__NR_socket, 41);
#endif
#ifdef __NR_sendmsg
SAME(__NR_sendmsg, 46);
#endif
#ifdef __NR_recvmsg
SAME(__NR_recvmsg, 47);
#endif
#ifdef __NR_getsockopt
SAME(__NR_getsockopt, 55);
#endif
#ifdef __NR_setsockopt
SAME(__NR_setsockopt, 54);
#endif
#ifdef __NR_sync
SAME(__NR_sync, 162);
#endif
#ifdef __NR_fsync
SAME(__NR_fsync, 74);
#endif
#ifdef __NR_poll
SAME(__NR_poll, 7);
#endif
#ifdef __NR_fgetxattr
SAME(__NR_fgetxattr, 193);
#endif
#ifdef __NR_bind
SAME(__NR_bind, 49);
#endif
#ifdef __NR_connect
SAME(__NR_connect, 42);
#endif
#ifdef __NR_listen
SAME(__NR_listen, 50);
#endif
#ifdef __NR_shutdown
SAME(__NR_shutdown, 48);
#endif
#ifdef __NR_getsockname
SAME(__NR_getsockname, 51);
#endif
#ifdef __NR_getpeername
SAME(__NR_getpeername, 52);
#endif
#ifdef __NR_mount
SAME(__NR_mount, 165);
#endif
#ifdef __NR_move_mount
SAME(__NR_move_mount, 429);
#endif
#ifdef __NR_fsopen
SAME(__NR_fsopen, 430);
#endif
#ifdef __NR_fsconfig
SAME(__NR_fsconfig, 431);
#endif
#ifdef __NR_fsmount
SAME(__NR_fsmount, 432);
#endif
#ifdef __NR_inotify_add_watch
SAME(__NR_inotify_add_watch, 254);
#endif
#ifdef __NR_io_getevents
SAME(__NR_io_getevents, 208);
#endif
#ifdef __NR_open_tree
SAME(__NR_open_tree, 428);
#endif
#ifdef __NR_mount_setattr
SAME(__NR_mount_setattr, 442);
#endif
#ifdef __NR_faccessat2
SAME(__NR_faccessat2, 439);
#endif
#ifdef __NR_mseal
SAME(__NR_mseal, 462);
#endif
SAME(offsetof(struct user_regs_struct, r15), 0);
SAME(offsetof(struct user_regs_struct, r14), 8);
SAME(offsetof(struct user_regs_struct, r13), 16);
SAME(offsetof(struct user_regs_struct, r12), 24);
SAME(offsetof(struct user_regs_struct, rbp), 32);
SAME(offsetof(struct user_regs_struct, rbx), 40);
SAME(offsetof(struct user_regs_struct, r11), 48);
SAME(offsetof(struct user_regs_struct, r10), 56);
SAME(offsetof(struct user_regs_struct, r9), 64);
SAME(offsetof(struct user_regs_struct, r8), 72);
SAME(offsetof(struct user_regs_struct, rax), 80);
SAME(offsetof(struct user_regs_struct, rcx), 88);
SAME(offsetof(struct user_regs_struct, rdx), 96);
SAME(offsetof(struct user_regs_struct, rsi), 104);
SAME(offsetof(struct user_regs_struct, rdi), 112);
SAME(offsetof(struct user_regs_struct, orig_rax), 120);
SAME(offsetof(struct user_regs_struct, rip), 128);
SAME(offsetof(struct user_regs_struct, cs), 136);
SAME(offsetof(struct user_regs_struct, eflags), 144);
SAME(offsetof(struct user_regs_struct, rsp), 152);
SAME(offsetof(struct user_regs_struct, ss), 160);
SAME(offsetof(struct user_regs_struct, fs_base), 168);
SAME(offsetof(struct user_regs_struct, gs_base), 176);
SAME(offsetof(struct user_regs_struct, ds), 184);
SAME(offsetof(struct user_regs_struct, es), 192);
SAME(offsetof(struct user_regs_struct, fs), 200);
SAME(offsetof(struct user_regs_struct, gs), 208);
SAME(sizeof(struct user_regs_struct), 216);
#ifdef NT_X86_XSTATE
SAME(NT_X86_XSTATE, 514);
#endif
#endif
#ifdef PTRACE_CONT
SAME(PTRACE_CONT, 7);
#endif
#ifdef PTRACE_DETACH
SAME(PTRACE_DETACH, 17);
#endif
#ifdef PTRACE_SYSCALL
SAME(PTRACE_SYSCALL, 24);
#endif
#ifdef PTRACE_SETOPTIONS
SAME(PTRACE_SETOPTIONS, 16896);
#endif
#ifdef PTRACE_GETREGSET
SAME(PTRACE_GETREGSET, 16900);
#endif
#ifdef PTRACE_SETREGSET
SAME(PTRACE_SETREGSET, 16901);
#endif
#ifdef PTRACE_SEIZE
SAME(PTRACE_SEIZE, 16902);
#endif
#ifdef PTRACE_INTERRUPT
SAME(PTRACE_INTERRUPT, 16903);
#endif
#ifdef PTRACE_PEEKSIGINFO
SAME(PTRACE_PEEKSIGINFO, 16905);
#endif
#ifdef PTRACE_GETSIGMASK
SAME(PTRACE_GETSIGMASK, 16906);
#endif
#ifdef PTRACE_SETSIGMASK
SAME(PTRACE_SETSIGMASK, 16907);
#endif
#ifdef PTRACE_SECCOMP_GET_FILTER
SAME(PTRACE_SECCOMP_GET_FILTER, 16908);
#endif
#ifdef PTRACE_SECCOMP_GET_METADATA
SAME(PTRACE_SECCOMP_GET_METADATA, 16909);
#endif
#ifdef PTRACE_GET_RSEQ_CONFIGURATION
SAME(PTRACE_GET_RSEQ_CONFIGURATION, 16911);
#endif
#ifdef PTRACE_GET_SYSCALL_USER_DISPATCH_CONFIG
SAME(PTRACE_GET_SYSCALL_USER_DISPATCH_CONFIG, 16913);
#endif
#ifdef PTRACE_O_TRACESYSGOOD
SAME(PTRACE_O_TRACESYSGOOD, 1);
#endif
#ifdef PTRACE_O_EXITKILL
SAME(PTRACE_O_EXITKILL, 1048576);
#endif
#ifdef PTRACE_O_SUSPEND_SECCOMP
SAME(PTRACE_O_SUSPEND_SECCOMP, 2097152);
#endif
#ifdef NT_PRSTATUS
SAME(NT_PRSTATUS, 1);
#endif
#ifdef EPERM
SAME(EPERM, 1);
#endif
#ifdef ENOENT
SAME(ENOENT, 2);
#endif
#ifdef ESRCH
SAME(ESRCH, 3);
#endif
#ifdef EINTR
SAME(EINTR, 4);
#endif
#ifdef EIO
SAME(EIO, 5);
#endif
#ifdef ENXIO
SAME(ENXIO, 6);
#endif
#ifdef E2BIG
SAME(E2BIG, 7);
#endif
#ifdef ENOEXEC
SAME(ENOEXEC, 8);
#endif
#ifdef EBADF
SAME(EBADF, 9);
#endif
#ifdef ECHILD
SAME(ECHILD, 10);
#endif
#ifdef EAGAIN
SAME(EAGAIN, 11);
#endif
#ifdef ENOMEM
SAME(ENOMEM, 12);
#endif
#ifdef EACCES
SAME(EACCES, 13);
#endif
#ifdef EFAULT
SAME(EFAULT, 14);
#endif
#ifdef ENOTBLK
SAME(ENOTBLK, 15);
#endif
#ifdef EBUSY
SAME(EBUSY, 16);
#endif
#ifdef EEXIST
SAME(EEXIST, 17);
#endif
#ifdef EXDEV
SAME(EXDEV, 18);
#endif
#ifdef ENODEV
SAME(ENODEV, 19);
#endif
#ifdef ENOTDIR
SAME(ENOTDIR, 20);
#endif
#ifdef EISDIR
SAME(EISDIR, 21);
#endif
#ifdef EINVAL
SAME(EINVAL, 22);
#endif
#ifdef ENFILE
SAME(ENFILE, 23);
#endif
#ifdef EMFILE
SAME(EMFILE, 24);
#endif
#ifdef ENOTTY
SAME(ENOTTY, 25);
#endif
#ifdef ETXTBSY
SAME(ETXTBSY, 26);
#endif
#ifdef EFBIG
SAME(EFBIG, 27);
#endif
#ifdef ENOSPC
SAME(ENOSPC, 28);
#endif
#ifdef ESPIPE
SAME(ESPIPE, 29);
#endif
#ifdef EROFS
SAME(EROFS, 30);
#endif
#ifdef EMLINK
SAME(EMLINK, 31);
#endif
#ifdef EPIPE
SAME(EPIPE, 32);
#endif
#ifdef EDOM
SAME(EDOM, 33);
#endif
#ifdef ERANGE
SAME(ERANGE, 34);
#endif
#ifdef EDEADLK
SAME(EDEADLK, 35);
#endif
#ifdef ENAMETOOLONG
SAME(ENAMETOOLONG, 36);
#endif
#ifdef ENOLCK
SAME(ENOLCK, 37);
#endif
#ifdef ENOSYS
SAME(ENOSYS, 38);
#endif
#ifdef ENOTEMPTY
SAME(ENOTEMPTY, 39);
#endif
#ifdef ELOOP
SAME(ELOOP, 40);
#endif
#ifdef ENOMSG
SAME(ENOMSG, 42);
#endif
#ifdef EIDRM
SAME(EIDRM, 43);
#endif
#ifdef ECHRNG
SAME(ECHRNG, 44);
#endif
#ifdef EL2NSYNC
SAME(EL2NSYNC, 45);
#endif
#ifdef EL3HLT
SAME(EL3HLT, 46);
#endif
#ifdef EL3RST
SAME(EL3RST, 47);
#endif
#ifdef ELNRNG
SAME(ELNRNG, 48);
#endif
#ifdef EUNATCH
SAME(EUNATCH, 49);
#endif
#ifdef ENOCSI
SAME(ENOCSI, 50);
#endif
#ifdef EL2HLT
SAME(EL2HLT, 51);
#endif
#ifdef EBADE
SAME(EBADE, 52);
#endif
#ifdef EBADR
SAME(EBADR, 53);
#endif
#ifdef EXFULL
SAME(EXFULL, 54);
#endif
#ifdef ENOANO
SAME(ENOANO, 55);
#endif
#ifdef EBADRQC
SAME(EBADRQC, 56);
#endif
#ifdef EBADSLT
SAME(EBADSLT, 57);
#endif
#ifdef EBFONT
SAME(EBFONT, 59);
#endif
#ifdef ENOSTR
SAME(ENOSTR, 60);
#endif
#ifdef ENODATA
SAME(ENODATA, 61);
#endif
#ifdef ETIME
SAME(ETIME, 62);
#endif
#ifdef ENOSR
SAME(ENOSR, 63);
#endif
#ifdef ENONET
SAME(ENONET, 64);
#endif
#ifdef ENOPKG
SAME(ENOPKG, 65);
#endif
#ifdef EREMOTE
SAME(EREMOTE, 66);
#endif
#ifdef ENOLINK
SAME(ENOLINK, 67);
#endif
#ifdef EADV
SAME(EADV, 68);
#endif
#ifdef ESRMNT
SAME(ESRMNT, 69);
#endif
#ifdef ECOMM
SAME(ECOMM, 70);
#endif
#ifdef EPROTO
SAME(EPROTO, 71);
#endif
#ifdef EMULTIHOP
SAME(EMULTIHOP, 72);
#endif
#ifdef EDOTDOT
SAME(EDOTDOT, 73);
#endif
#ifdef EBADMSG
SAME(EBADMSG, 74);
#endif
#ifdef EOVERFLOW
SAME(EOVERFLOW, 75);
#endif
#ifdef ENOTUNIQ
SAME(ENOTUNIQ, 76);
#endif
#ifdef EBADFD
SAME(EBADFD, 77);
#endif
#ifdef EREMCHG
SAME(EREMCHG, 78);
#endif
#ifdef ELIBACC
SAME(ELIBACC, 79);
#endif
#ifdef ELIBBAD
SAME(ELIBBAD, 80);
#endif
#ifdef ELIBSCN
SAME(ELIBSCN, 81);
#endif
#ifdef ELIBMAX
SAME(ELIBMAX, 82);
#endif
#ifdef ELIBEXEC
SAME(ELIBEXEC, 83);
#endif
#ifdef EILSEQ
SAME(EILSEQ, 84);
#endif
#ifdef ERESTART
SAME(ERESTART, 85);
#endif
#ifdef ESTRPIPE
SAME(ESTRPIPE, 86);
#endif
#ifdef EUSERS
SAME(EUSERS, 87);
#endif
#ifdef ENOTSOCK
SAME(ENOTSOCK, 88);
#endif
#ifdef EDESTADDRREQ
SAME(EDESTADDRREQ, 89);
#endif
#ifdef EMSGSIZE
SAME(EMSGSIZE, 90);
#endif
#ifdef EPROTOTYPE
SAME(EPROTOTYPE, 91);
#endif
#ifdef ENOPROTOOPT
SAME(ENOPROTOOPT, 92);
#endif
#ifdef EPROTONOSUPPORT
SAME(EPROTONOSUPPORT, 93);
#endif
#ifdef ESOCKTNOSUPPORT
SAME(ESOCKTNOSUPPORT, 94);
#endif
#ifdef EOPNOTSUPP
SAME(EOPNOTSUPP, 95);
#endif
#ifdef EPFNOSUPPORT
SAME(EPFNOSUPPORT, 96);
#endif
#ifdef EAFNOSUPPORT
SAME(EAFNOSUPPORT, 97);
#endif
#ifdef EADDRINUSE
SAME(EADDRINUSE, 98);
#endif
#ifdef EADDRNOTAVAIL
SAME(EADDRNOTAVAIL, 99);
#endif
#ifdef ENETDOWN
SAME(ENETDOWN, 100);
#endif
#ifdef ENETUNREACH
SAME(ENETUNREACH, 101);
#endif
#ifdef ENETRESET
SAME(ENETRESET, 102);
#endif
#ifdef ECONNABORTED
SAME(ECONNABORTED, 103);
#endif
#ifdef ECONNRESET
SAME(ECONNRESET, 104);
#endif
#ifdef ENOBUFS
SAME(ENOBUFS, 105);
#endif
#ifdef EISCONN
SAME(EISCONN, 106);
#endif
#ifdef ENOTCONN
SAME(ENOTCONN, 107);
#endif
#ifdef ESHUTDOWN
SAME(ESHUTDOWN, 108);
#endif
#ifdef ETOOMANYREFS
SAME(ETOOMANYREFS, 109);
#endif
#ifdef ETIMEDOUT
SAME(ETIMEDOUT, 110);
#endif
#ifdef ECONNREFUSED
SAME(ECONNREFUSED, 111);
#endif
#ifdef EHOSTDOWN
SAME(EHOSTDOWN, 112);
#endif
#ifdef EHOSTUNREACH
SAME(EHOSTUNREACH, 113);
#endif
#ifdef EALREADY
SAME(EALREADY, 114);
#endif
#ifdef EINPROGRESS
SAME(EINPROGRESS, 115);
#endif
#ifdef ESTALE
SAME(ESTALE, 116);
#endif
#ifdef EUCLEAN
SAME(EUCLEAN, 117);
#endif
#ifdef ENOTNAM
SAME(ENOTNAM, 118);
#endif
#ifdef ENAVAIL
SAME(ENAVAIL, 119);
#endif
#ifdef EISNAM
SAME(EISNAM, 120);
#endif
#ifdef EREMOTEIO
SAME(EREMOTEIO, 121);
#endif
#ifdef EDQUOT
SAME(EDQUOT, 122);
#endif
#ifdef ENOMEDIUM
SAME(ENOMEDIUM, 123);
#endif
#ifdef EMEDIUMTYPE
SAME(EMEDIUMTYPE, 124);
#endif
#ifdef ECANCELED
SAME(ECANCELED, 125);
#endif
#ifdef ENOKEY
SAME(ENOKEY, 126);
#endif
#ifdef EKEYEXPIRED
SAME(EKEYEXPIRED, 127);
#endif
#ifdef EKEYREVOKED
SAME(EKEYREVOKED, 128);
#endif
#ifdef EKEYREJECTED
SAME(EKEYREJECTED, 129);
#endif
#ifdef EOWNERDEAD
SAME(EOWNERDEAD, 130);
#endif
#ifdef ENOTRECOVERABLE
SAME(ENOTRECOVERABLE, 131);
#endif
#ifdef ERFKILL
SAME(ERFKILL, 132);
#endif
#ifdef EHWPOISON
SAME(EHWPOISON, 133);
#endif
