/** What segments, queues and semaphore sets have in common: owner, permissions, and how the kernel lists them. */
import {
  IPC,
  IPC_PERM,
  MSG,
  MSG_INFO,
  MSQID_DS,
  PERMISSIONS,
  SEM,
  SEM_INFO,
  SEMID_DS,
  SHM,
  SHM_INFO,
  SHMID_DS,
} from '../../abi/sysv-ipc.js';
import { CrError } from '../../errors.js';
import type { IpcDescEntry } from '../../images/generated/namespaces.js';
import type { KernelThread } from '../../kernel/kernel-thread.js';
import type { Arg, Call } from '../../program/call.js';
import type { Program, Ptr } from '../../program/program.js';

/** Objects asked about in one program. */
const BATCH = 256;
const CELLS = 256;
/** Bytes of the structs that the INFO commands fill, the largest of the three and some more. */
const INFO_SIZE = 64;

interface KindRow {
  readonly what: string;
  readonly info: number;
  /** Where the INFO command says how many objects there are. */
  readonly used: number;
  readonly stat: number;
  readonly size: number;
  readonly control: (p: Program, id: Arg, command: number, buffer: Arg) => Call;
}

export const IPC_KINDS = {
  shm: {
    what: 'shared memory segments',
    info: SHM.INFO,
    used: SHM_INFO.used,
    stat: SHM.STAT,
    size: SHMID_DS.size,
    control: (p, id, command, buffer) => p.sys.shmctl(id, command, buffer),
  },
  msg: {
    what: 'message queues',
    info: MSG.INFO,
    used: MSG_INFO.used,
    stat: MSG.STAT,
    size: MSQID_DS.size,
    control: (p, id, command, buffer) => p.sys.msgctl(id, command, buffer),
  },
  sem: {
    what: 'semaphore sets',
    info: SEM.INFO,
    used: SEM_INFO.used,
    stat: SEM.STAT,
    size: SEMID_DS.size,
    control: (p, id, command, buffer) => p.sys.semctl(id, 0, command, buffer),
  },
} as const satisfies Record<string, KindRow>;
export type IpcKind = keyof typeof IPC_KINDS;

/** ipc_desc_entry from the head of a shmid64_ds, msqid64_ds or semid64_ds. */
export function descOf(id: number, ds: Ptr): IpcDescEntry {
  const at = (field: keyof typeof IPC_PERM) => ds.u32(IPC_PERM[field]);
  return { id, key: at('key'), uid: at('uid'), gid: at('gid'), cuid: at('cuid'), cgid: at('cgid'), mode: at('mode') };
}

/**
 * All objects of one kind in the IPC namespace of `thread`. Throws CR_KERNEL, and CR_TARGET_LOST when somebody outside the tree makes or removes some
 * meanwhile.
 */
export function listObjects<T>(thread: KernelThread, kind: IpcKind, decode: (id: number, ds: Ptr) => T): T[] {
  const { what, info, used, stat, size, control }: KindRow = IPC_KINDS[kind];
  const first = thread.once('ipc.info', 4096, (p) => {
    const buffer = p.out(INFO_SIZE);
    return { buffer, last: control(p, 0, info, buffer).tolerate('ENOSYS', 'a kernel without System V IPC has none') };
  });
  const last = first.value.last.result;
  const count = first.value.buffer.u32(used);
  first.free();
  const out: T[] = [];
  for (let index = 0; count > 0 && index <= last; index += BATCH) {
    const length = Math.min(BATCH, last + 1 - index);
    const { value, free } = thread.once('ipc.list', 4096 + length * (size + CELLS), (p) =>
      Array.from({ length }, (_none, i) => {
        const ds = p.out(size);
        return { ds, id: control(p, index + i, stat, ds).tolerate('EINVAL', 'nothing has this index') };
      }),
    );
    for (const { ds, id } of value) if (id.result >= 0) out.push(decode(id.result, ds));
    free();
  }
  if (out.length !== count)
    throw new CrError('CR_TARGET_LOST', {
      message: `${what} came or went while they were listed (${count} announced, ${out.length} found)`,
      hint: 'Stop the processes outside the tree that use the same IPC namespace.',
      target: 'running',
    });
  return out;
}

/** Emits what is left to do about an object that was made with the right key, size and permissions: owner and permissions (IPC_SET). */
export function emitOwner(p: Program, kind: IpcKind, desc: IpcDescEntry, change: (ds: Ptr) => void = () => undefined): void {
  const { size, control, what }: KindRow = IPC_KINDS[kind];
  const ds = p.out(size);
  ds.setU32(IPC_PERM.uid, desc.uid).setU32(IPC_PERM.gid, desc.gid);
  ds.setU32(IPC_PERM.mode, desc.mode & PERMISSIONS);
  change(ds);
  control(p, desc.id, IPC.SET, ds).must(`set the owner of one of the ${what}`);
}

/** Flags that make a new object and nothing else. */
export function createFlags(desc: IpcDescEntry): number {
  return (desc.mode & PERMISSIONS) | IPC.CREAT | IPC.EXCL;
}

/**
 * Emits a call that makes an object as the user who made the old one: the kernel takes the creator, who keeps rights over the object for ever
 * (ipc_check_perms), from the effective ids. They come back from the saved ids.
 */
export function asCreator<T>(p: Program, desc: IpcDescEntry, own: { readonly uid: number; readonly gid: number }, make: () => T): T {
  const other = { uid: desc.cuid !== own.uid, gid: desc.cgid !== own.gid };
  if (other.gid) p.sys.setresgid(-1, desc.cgid, -1).must('become the group that made an IPC object');
  if (other.uid) p.sys.setresuid(-1, desc.cuid, -1).must('become the user who made an IPC object');
  const result = make();
  if (other.uid) p.sys.setresuid(-1, own.uid, -1).must('become oneself again');
  if (other.gid) p.sys.setresgid(-1, own.gid, -1).must('become oneself again');
  return result;
}

/** Emits the wish for an id: the next object of this kind gets it when it is free (sysctl kernel.*_next_id, 3.9). */
export function emitNextId(p: Program, nextId: Arg, id: number): void {
  const text = Buffer.from(String(id));
  p.sys.pwrite64(nextId, p.data(text), text.length, 0).must(`ask for the id ${id}`);
}
