/** System V semaphore sets of an IPC namespace (semget(2), semctl(2)). Pids of the last users and times cannot be set. */
import { closeSync, readSync } from 'node:fs';
import { SEM, SEMID_DS, SEMVMX } from '../../abi/sysv-ipc.js';
import { CrError } from '../../errors.js';
import type { ImageRecord } from '../../images/container.js';
import type { IpcSemEntry } from '../../images/generated/namespaces.js';
import type { ImageReader } from '../../images/reader.js';
import type { ImageWriter } from '../../images/writer.js';
import type { KernelThread } from '../../kernel/kernel-thread.js';
import type { Program } from '../../program/program.js';
import { asCreator, createFlags, descOf, emitNextId, emitOwner, listObjects } from './objects.js';
import type { OwnIds } from './own-ids.js';
import { emitOpenVariable } from './variables.js';

const WORD = 2;
/** The kernel has no more in one set (SEMMSL can be at most this, ipc/sem.c). */
const MAX_SEMAPHORES = 1 << 20;
const INT_MAX = 0x7fffffff;

/** A set with its values. */
export interface SemaphoreSet {
  readonly entry: IpcSemEntry;
  readonly values: readonly number[];
  /** Some semop was done on it since it was made; in images nobody knows. */
  readonly used: boolean;
}

/** Reads every set of the namespace of `thread`. */
export function listSets(thread: KernelThread): SemaphoreSet[] {
  const sets = listObjects(thread, 'sem', (id, ds) => ({
    entry: { desc: descOf(id, ds), nsems: ds.num(SEMID_DS.nsems) },
    used: ds.u64(SEMID_DS.otime) !== 0n,
  }));
  return sets.map(({ entry, used }) => ({ entry, used, values: readValues(thread, entry) }));
}

function readValues(thread: KernelThread, { desc, nsems }: IpcSemEntry): number[] {
  const { value, free } = thread.once('ipc.semaphores', 4096 + nsems * WORD, (p) => {
    const values = p.out(nsems * WORD);
    p.sys.semctl(desc.id, 0, SEM.GETALL, values).must(`read the values of semaphore set ${desc.id}`);
    return values;
  });
  const values = Array.from({ length: nsems }, (_none, i) => value.u16(i * WORD));
  free();
  return values;
}

export function writeSets(images: ImageWriter, namespace: number, sets: readonly SemaphoreSet[]): void {
  images.open('ipcns-sem', namespace);
  for (const { entry, values } of sets) images.add('ipcns-sem', namespace, entry, wordsOf(values));
}

function wordsOf(values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(values.length * WORD);
  values.forEach((value, i) => bytes.writeUInt16LE(value, i * WORD));
  return bytes;
}

/** Sets of an image, checked. */
export function readSets(images: ImageReader, namespace: number): SemaphoreSet[] {
  const name = `ipcns-sem-${namespace}.img`;
  const fd = images.openRaw(name);
  try {
    return readValuesOf(images.readWithData('ipcns-sem', namespace), images.pathOf(name), fd);
  } finally {
    closeSync(fd);
  }
}

function readValuesOf(records: readonly ImageRecord<IpcSemEntry>[], path: string, fd: number): SemaphoreSet[] {
  return records.map(({ entry, raw, offset }) => {
    const bad = (message: string) => new CrError('CR_IMAGE_BAD', { message, subject: { path, offset }, target: 'not started' });
    // The record has proven that the file holds the values.
    if (entry.nsems < 1 || entry.nsems > MAX_SEMAPHORES || entry.desc.id > INT_MAX) throw bad('has a semaphore set that cannot exist');
    const bytes = Buffer.alloc(raw.length);
    if (readSync(fd, bytes, 0, raw.length, raw.offset) !== raw.length) throw bad('became shorter while it was read');
    const values = Array.from({ length: entry.nsems }, (_none, i) => bytes.readUInt16LE(i * WORD));
    if (values.some((value) => value > SEMVMX)) throw bad(`has a semaphore with a value above ${SEMVMX}`);
    return { entry, values, used: true };
  });
}

/** Room in the arena for emitSets. */
export function setArena(sets: readonly SemaphoreSet[]): number {
  return 4096 + sets.reduce((n, { values }) => n + 2048 + values.length * WORD, 0);
}

/** Emits sets with their values. */
export function emitSets(p: Program, sets: readonly SemaphoreSet[], own: OwnIds): void {
  if (sets.length === 0) return;
  const nextId = emitOpenVariable(p, 'kernel/sem_next_id');
  for (const { entry, values } of sets) {
    const { desc, nsems } = entry;
    emitNextId(p, nextId, desc.id);
    const id = asCreator(p, desc, own, () => p.sys.semget(desc.key, nsems, createFlags(desc)).must(`make semaphore set ${desc.id}`));
    p.expect(id, -1, desc.id, `get semaphore set ${desc.id}`);
    emitOwner(p, 'sem', desc);
    p.sys.semctl(desc.id, 0, SEM.SETALL, p.data(wordsOf(values))).must(`set the values of semaphore set ${desc.id}`);
  }
  p.sys.close(nextId).must('close sem_next_id');
}
