/** Layouts and flags that x86-64 has otherwise than the kernel's generic headers (asm-generic). */

/** epoll_ctl(2). Packed here only. */
export const EPOLL_EVENT = { size: 12, fields: { events: [0, 'u32'], data: [4, 'u64'] } } as const;

/** struct semid64_ds (arch/x86/include/uapi/asm/sembuf.h). */
export const SEMID_DS = { otime: 48, nsems: 80, size: 104 } as const;

/** open(2): these four have other values on other architectures. */
export const OPEN_FLAGS = { direct: 0o40000, largefile: 0o100000, directory: 0o200000, nofollow: 0o400000 } as const;
