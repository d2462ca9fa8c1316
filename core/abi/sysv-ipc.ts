/**
 * System V IPC: commands and struct layouts of 64-bit Linux (sysvipc(7), shmctl(2), msgctl(2), semctl(2); include/uapi/linux/ipc.h, shm.h, msg.h,
 * sem.h, asm-generic/ipcbuf.h, shmbuf.h, msgbuf.h, asm/sembuf.h). Offsets and sizes in bytes.
 */
import { arch } from '../arch/current.js';

/** Commands, and flags of shmget, msgget and semget beside the permissions. */
export const IPC = { RMID: 0, SET: 1, STAT: 2, CREAT: 0o1000, EXCL: 0o2000, NOWAIT: 0o4000 } as const;
/** struct ipc64_perm: the head of the three structs below. All u32; `mode` has the permissions in its low nine bits. */
export const IPC_PERM = { key: 0, uid: 4, gid: 8, cuid: 12, cgid: 16, mode: 20 } as const;
export const PERMISSIONS = 0o777;

/** `DEST` and `LOCKED` are bits of the mode: removed but still attached, kept in memory. The others are commands and flags of shmat and shmget. */
export const SHM = {
  LOCK: 11,
  STAT: 13,
  INFO: 14,
  RDONLY: 0o10000,
  DEST: 0o1000,
  LOCKED: 0o2000,
  HUGETLB: 0o4000,
  /** Logarithm of the size of huge pages in the flags of shmget. */
  HUGE_SHIFT: 26,
} as const;
/** struct shmid64_ds */
export const SHMID_DS = { segsz: 48, nattch: 88, size: 112 } as const;
/** struct shm_info */
export const SHM_INFO = { used: 0, size: 48 } as const;

export const MSG = { STAT: 11, INFO: 12, COPY: 0o40000 } as const;
/** struct msqid64_ds */
export const MSQID_DS = { cbytes: 72, qnum: 80, qbytes: 88, size: 120 } as const;
/** struct msginfo as MSG_INFO fills it. */
export const MSG_INFO = { used: 0, size: 32 } as const;
/** In front of the text of a message: its type, an i64. */
export const MSG_HEAD = 8;

export const SEM = { GETALL: 13, SETALL: 17, STAT: 18, INFO: 19, UNDO: 0x1000 } as const;
/** struct semid64_ds */
export const SEMID_DS = arch.semidDs;
/** struct seminfo as SEM_INFO fills it. */
export const SEM_INFO = { used: 28, size: 40 } as const;
/** Greatest value of a semaphore (semop(2)). */
export const SEMVMX = 32767;
