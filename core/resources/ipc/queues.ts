/** System V message queues of an IPC namespace (msgget(2), msgop(2)). */
import { IPC, MSG, MSG_HEAD, MSQID_DS } from '../../abi/sysv-ipc.js';
import { CrError } from '../../errors.js';
import { recordBytes, type ImageRecord } from '../../images/container.js';
import { IPC_MSG, type IpcMsgEntry } from '../../images/generated/namespaces.js';
import type { ImageReader } from '../../images/reader.js';
import type { ImageWriter } from '../../images/writer.js';
import type { KernelThread } from '../../kernel/kernel-thread.js';
import type { Arg, Call } from '../../program/call.js';
import type { Program } from '../../program/program.js';
import type { OwnIds } from './own-ids.js';
import { asCreator, createFlags, descOf, emitNextId, emitOwner, listObjects } from './objects.js';
import { emitOpenVariable } from './variables.js';

const CELLS_PER_MESSAGE = 4 * 64;
/** Messages copied in one program. */
const BATCH = 1024;
const PAD = 8;
const INT_MAX = 0x7fffffff;
/** Types are positive longs (msgsnd(2)). */
const LONG_MAX = (1n << 63n) - 1n;

interface Queue extends IpcMsgEntry {
  readonly cbytes: number;
}

/** Writes every queue of the namespace of `thread`, with its messages, which stay in their queues. */
export function dumpQueues(thread: KernelThread, images: ImageWriter, namespace: number): void {
  images.open('ipcns-msg', namespace);
  const queues = listObjects(thread, 'msg', (id, ds): Queue => ({
    desc: descOf(id, ds),
    qbytes: ds.num(MSQID_DS.qbytes),
    qnum: ds.num(MSQID_DS.qnum),
    cbytes: ds.num(MSQID_DS.cbytes),
  }));
  for (const { cbytes, ...entry } of queues) images.add('ipcns-msg', namespace, entry, readMessages(thread, entry, cbytes));
}

/**
 * The messages as the image has them. MSG_COPY reads the n-th message without taking it (msgrcv(2), 3.8); each goes right behind the one before, so
 * that a queue of `cbytes` bytes needs no more room than that.
 */
function readMessages(thread: KernelThread, queue: IpcMsgEntry, cbytes: number): Buffer {
  const parts: Buffer[] = [];
  let left = cbytes;
  for (let from = 0; from < queue.qnum; from += BATCH) {
    const count = Math.min(BATCH, queue.qnum - from);
    const room = left + count * MSG_HEAD;
    const { value, free } = thread.once(
      'ipc.messages',
      8192 + room + count * CELLS_PER_MESSAGE,
      (p) => {
        const buffer = p.out(room);
        let to: Arg = buffer;
        const sizes: Call[] = [];
        for (let i = 0; i < count; i++) {
          const size: Call = p.sys.msgrcv(queue.desc.id, to, left, from + i, IPC.NOWAIT | MSG.COPY).must('copy a message');
          to = p.add(p.add(to, size), MSG_HEAD);
          sizes.push(size);
        }
        return { buffer, sizes };
      },
      { subject: { what: `message queue ${queue.desc.id}` }, target: 'running' },
    );
    let at = 0;
    for (const { result } of value.sizes) {
      parts.push(messageBytes(value.buffer.i64(at), value.buffer.copy(at + MSG_HEAD, result)));
      at += MSG_HEAD + result;
      left -= result;
    }
    free();
  }
  return Buffer.concat(parts);
}

/** A message with its record in front and zeros behind. */
export function messageBytes(mtype: bigint, data: Buffer): Buffer {
  const padding = Buffer.alloc((PAD - (data.length % PAD)) % PAD);
  return Buffer.concat([recordBytes(IPC_MSG, { mtype, msize: data.length }), data, padding]);
}

/** Queues of an image, checked. */
export type QueueRecord = ImageRecord<IpcMsgEntry>;

export function readQueues(images: ImageReader, namespace: number): QueueRecord[] {
  const records = images.readWithData('ipcns-msg', namespace);
  const path = images.pathOf(`ipcns-msg-${namespace}.img`);
  for (const { offset, entry, messages } of records) {
    const bad = messages.find((message) => message.entry.mtype < 1n || message.entry.mtype > LONG_MAX || message.entry.msize > INT_MAX);
    if (bad || entry.desc.id > INT_MAX || entry.qbytes > INT_MAX)
      throw new CrError('CR_IMAGE_BAD', { message: 'has a queue that cannot exist', subject: { path, offset }, target: 'not started' });
  }
  return records;
}

/** Bytes of the messages of a queue. */
export function bytesIn(queue: QueueRecord): number {
  return queue.messages.reduce((n, message) => n + message.raw.length, 0);
}

/** Room in the arena for emitQueues. */
export function queueArena(queues: readonly QueueRecord[]): number {
  const messages = queues.reduce((n, queue) => n + queue.messages.length, 0);
  const longest = Math.max(0, ...queues.map((queue) => longestIn(queue)));
  return 4096 + longest + queues.length * 2048 + messages * (CELLS_PER_MESSAGE + 16);
}

export function longestIn(queue: QueueRecord): number {
  return queue.messages.reduce((n, message) => Math.max(n, message.raw.length), 0);
}

/** Emits queues with their messages, which go from the image to the kernel by way of the arena. `source`: the image. */
export function emitQueues(p: Program, queues: readonly QueueRecord[], source: number, own: OwnIds): void {
  if (queues.length === 0) return;
  const nextId = emitOpenVariable(p, 'kernel/msg_next_id');
  const buffer = p.out(MSG_HEAD + Math.max(...queues.map(longestIn)));
  for (const queue of queues) {
    const { desc, qbytes } = queue.entry;
    emitNextId(p, nextId, desc.id);
    const id = asCreator(p, desc, own, () => p.sys.msgget(desc.key, createFlags(desc)).must(`make message queue ${desc.id}`));
    p.expect(id, -1, desc.id, `get message queue ${desc.id}`);
    // A limit can be lowered below what a queue holds, and a queue takes at most as many messages as bytes.
    const needed = Math.max(qbytes, bytesIn(queue), queue.messages.length);
    emitOwner(p, 'msg', desc, (ds) => ds.setU64(MSQID_DS.qbytes, needed));
    for (const { entry, raw } of queue.messages) {
      p.store(buffer, entry.mtype, 8);
      if (raw.length > 0)
        p.ioAll('preadv', source, p.iovec([{ addr: buffer.at(MSG_HEAD), length: raw.length }]), 1, raw.offset).must('read a message');
      p.sys.msgsnd(id, buffer, raw.length, IPC.NOWAIT).must(`put a message into queue ${desc.id}`);
    }
    if (needed !== qbytes) emitOwner(p, 'msg', desc, (ds) => ds.setU64(MSQID_DS.qbytes, qbytes));
  }
  p.sys.close(nextId).must('close msg_next_id');
}
