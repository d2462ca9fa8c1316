/** ipc_var_entry: the limits of an IPC namespace, from /proc/sys (proc_sys_kernel(5), mq_overview(7)). */
import { existsSync } from 'node:fs';
import type { IpcVarEntry } from '../../images/generated/namespaces.js';
import type { KernelThread } from '../../kernel/kernel-thread.js';
import type { Program } from '../../program/program.js';

const AT_FDCWD = -100;
const O_RDONLY_CLOEXEC = 0o2000000;
const O_WRONLY_CLOEXEC = 0o2000001;
const TEXT_SIZE = 128;

const VARIABLES = [
  'kernel/sem',
  'kernel/msgmax',
  'kernel/msgmnb',
  'kernel/msgmni',
  'kernel/auto_msgmni',
  'kernel/shmmax',
  'kernel/shmall',
  'kernel/shmmni',
  'kernel/shm_rmid_forced',
  'fs/mqueue/queues_max',
  'fs/mqueue/msg_max',
  'fs/mqueue/msgsize_max',
  'fs/mqueue/msg_default',
  'fs/mqueue/msgsize_default',
  'kernel/msg_next_id',
  'kernel/sem_next_id',
  'kernel/shm_next_id',
] as const;
export type IpcVariable = (typeof VARIABLES)[number];

/** Reads all variables in the IPC namespace of `thread`. One that the kernel lacks (no POSIX queues, no checkpoint support) is 0 or left out. */
export function readVariables(thread: KernelThread): IpcVarEntry {
  const { value, free } = thread.once('ipc.variables', 65536, (p) =>
    VARIABLES.map((name) => {
      const text = p.out(TEXT_SIZE);
      const fd = p.sys.openat(AT_FDCWD, p.cstr(`/proc/sys/${name}`), O_RDONLY_CLOEXEC, 0).ignore('a kernel without it has no value of it');
      const length = p.sys.read(fd, text, TEXT_SIZE).ignore('looked at below');
      p.sys.close(fd).ignore('may not be open');
      return { name, text, length };
    }),
  );
  const words = new Map<IpcVariable, string[]>(
    value.map(({ name, text, length }) => [name, text.copy(0, Math.max(0, length.result)).toString('latin1').split(/\s+/).filter(Boolean)]),
  );
  free();
  return entryOf((name) => words.get(name) ?? []);
}

/** @param words texts of a variable; none when the kernel does not have it */
export function entryOf(words: (name: IpcVariable) => readonly string[]): IpcVarEntry {
  const number = (name: IpcVariable): number => Number(words(name)[0] ?? 0);
  const optional = <K extends string>(key: K, name: IpcVariable): Partial<Record<K, number>> => {
    const text = words(name)[0];
    // -1 is "no wish", which can be read but not written.
    return text === undefined || text === '-1' ? {} : ({ [key]: Number(text) } as Record<K, number>);
  };
  return {
    sem_ctls: [0, 1, 2, 3].map((i) => Number(words('kernel/sem')[i] ?? 0)),
    msg_ctlmax: number('kernel/msgmax'),
    msg_ctlmnb: number('kernel/msgmnb'),
    msg_ctlmni: number('kernel/msgmni'),
    auto_msgmni: number('kernel/auto_msgmni'),
    shm_ctlmax: BigInt(words('kernel/shmmax')[0] ?? 0),
    shm_ctlall: BigInt(words('kernel/shmall')[0] ?? 0),
    shm_ctlmni: number('kernel/shmmni'),
    shm_rmid_forced: number('kernel/shm_rmid_forced'),
    mq_queues_max: number('fs/mqueue/queues_max'),
    mq_msg_max: number('fs/mqueue/msg_max'),
    mq_msgsize_max: number('fs/mqueue/msgsize_max'),
    ...optional('mq_msg_default', 'fs/mqueue/msg_default'),
    ...optional('mq_msgsize_default', 'fs/mqueue/msgsize_default'),
    ...optional('msg_next_id', 'kernel/msg_next_id'),
    ...optional('sem_next_id', 'kernel/sem_next_id'),
    ...optional('shm_next_id', 'kernel/shm_next_id'),
  };
}

/** What the objects of a namespace need at least, whatever its limits are now: limits can be lowered behind what exists. */
export interface IpcNeeds {
  readonly message: number;
  readonly queueBytes: number;
  readonly queues: number;
  readonly segment: bigint;
  readonly segmentPages: bigint;
  readonly segments: number;
  readonly semaphoresInSet: number;
  readonly semaphores: number;
  readonly sets: number;
}

const larger = (a: bigint, b: bigint) => (a > b ? a : b);

/** Emits limits that let everything be made; segments without attachments stay (kernel.shm_rmid_forced is 0 in a new namespace). */
export function emitWideLimits(p: Program, entry: IpcVarEntry, needs: IpcNeeds): void {
  const [perSet = 0, all = 0, operations = 0, sets = 0] = entry.sem_ctls;
  const sem = [Math.max(perSet, needs.semaphoresInSet), Math.max(all, needs.semaphores), operations, Math.max(sets, needs.sets)];
  emitVariable(p, 'kernel/sem', sem.join('\t'));
  emitVariable(p, 'kernel/msgmax', Math.max(entry.msg_ctlmax, needs.message));
  emitVariable(p, 'kernel/msgmnb', Math.max(entry.msg_ctlmnb, needs.queueBytes));
  emitVariable(p, 'kernel/msgmni', Math.max(entry.msg_ctlmni, needs.queues));
  emitVariable(p, 'kernel/shmmax', larger(entry.shm_ctlmax, needs.segment));
  emitVariable(p, 'kernel/shmall', larger(entry.shm_ctlall, needs.segmentPages));
  emitVariable(p, 'kernel/shmmni', Math.max(entry.shm_ctlmni, needs.segments));
}

/** Emits the limits as they were; after everything else, because some act at once. auto_msgmni has no meaning since 3.19. */
export function emitVariables(p: Program, entry: IpcVarEntry): void {
  emitVariable(p, 'kernel/sem', entry.sem_ctls.slice(0, 4).join('\t'));
  emitVariable(p, 'kernel/msgmax', entry.msg_ctlmax);
  emitVariable(p, 'kernel/msgmnb', entry.msg_ctlmnb);
  emitVariable(p, 'kernel/msgmni', entry.msg_ctlmni);
  emitVariable(p, 'kernel/shmmax', entry.shm_ctlmax);
  emitVariable(p, 'kernel/shmall', entry.shm_ctlall);
  emitVariable(p, 'kernel/shmmni', entry.shm_ctlmni);
  emitVariable(p, 'kernel/shm_rmid_forced', entry.shm_rmid_forced);
  if (existsSync('/proc/sys/fs/mqueue')) emitQueueLimits(p, entry);
  if (entry.msg_next_id !== undefined) emitVariable(p, 'kernel/msg_next_id', entry.msg_next_id);
  if (entry.sem_next_id !== undefined) emitVariable(p, 'kernel/sem_next_id', entry.sem_next_id);
  if (entry.shm_next_id !== undefined) emitVariable(p, 'kernel/shm_next_id', entry.shm_next_id);
}

function emitQueueLimits(p: Program, entry: IpcVarEntry): void {
  // A kernel without POSIX queues leaves 0, which none accepts.
  if (entry.mq_queues_max > 0) emitVariable(p, 'fs/mqueue/queues_max', entry.mq_queues_max);
  if (entry.mq_msg_max > 0) emitVariable(p, 'fs/mqueue/msg_max', entry.mq_msg_max);
  if (entry.mq_msgsize_max > 0) emitVariable(p, 'fs/mqueue/msgsize_max', entry.mq_msgsize_max);
  if (entry.mq_msg_default !== undefined) emitVariable(p, 'fs/mqueue/msg_default', entry.mq_msg_default);
  if (entry.mq_msgsize_default !== undefined) emitVariable(p, 'fs/mqueue/msgsize_default', entry.mq_msgsize_default);
}

function emitVariable(p: Program, name: IpcVariable, value: string | number | bigint): void {
  const text = Buffer.from(String(value));
  const fd = emitOpenVariable(p, name);
  p.sys.write(fd, p.data(text), text.length).must(`set ${name} to ${value}`);
  p.sys.close(fd).must(`close ${name}`);
}

/** Opens a variable for writing: which namespace's it is, the kernel decides now. */
export function emitOpenVariable(p: Program, name: IpcVariable) {
  return p.sys.openat(AT_FDCWD, p.cstr(`/proc/sys/${name}`), O_WRONLY_CLOEXEC, 0).must(`open /proc/sys/${name}`);
}
