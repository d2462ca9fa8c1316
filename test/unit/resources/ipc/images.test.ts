import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { SHM } from '../../../../core/abi/sysv-ipc.js';
import { ownIds } from '../../../../core/dump/ids.js';
import { inventory } from '../../../../core/dump/write.js';
import { ImageReader } from '../../../../core/images/reader.js';
import { ImageWriter } from '../../../../core/images/writer.js';
import { silentLog } from '../../../../core/log.js';
import { IpcRestore } from '../../../../core/resources/ipc/restore.js';
import { messageBytes } from '../../../../core/resources/ipc/queues.js';
import { PageSources } from '../../../../core/resources/memory/page-map.js';
import { VMA_STATUS } from '../../../../core/resources/memory/vma-bits.js';
import type { RestoreTask } from '../../../../core/restore/model.js';
import { ServiceFds } from '../../../../core/restore/service-fds.js';

const dir = mkdtempSync(join(tmpdir(), 'criu-ts-ipc-'));
after(() => rmSync(dir, { recursive: true }));

const OWN = 9;
const desc = { id: 4, key: 0x12, uid: 0, gid: 0, cuid: 0, cgid: 0, mode: 0o600 };
const variables = {
  sem_ctls: [32000, 1024000000, 500, 32000],
  msg_ctlmax: 8192,
  msg_ctlmnb: 16384,
  msg_ctlmni: 32000,
  auto_msgmni: 0,
  shm_ctlmax: 1n << 40n,
  shm_ctlall: 1n << 40n,
  shm_ctlmni: 4096,
  shm_rmid_forced: 0,
  mq_queues_max: 256,
  mq_msg_max: 10,
  mq_msgsize_max: 8192,
};
const attached = {
  start: 0x7f0000000000,
  end: 0x7f0000001000,
  prot: 3,
  flags: 1,
  status: VMA_STATUS.regular | VMA_STATUS.anonShared | VMA_STATUS.sysvIpc,
  pgoff: 0,
  shmid: 4n,
  madv: 0n,
  readOnly: false,
};

function task(namespace: number): RestoreTask {
  const base = {
    kind: 'live' as const,
    pid: 7,
    sid: 7,
    pgid: 7,
    parent: null,
    children: [],
    threads: [],
    core: null,
    mm: null,
    pages: null,
  };
  return { ...base, ids: { ...ownIds(), ipc_ns_id: namespace } };
}

/** Reads what `write` has put into a folder. */
function read(write: (images: ImageWriter) => void, tasks = [task(OWN)], vmas: readonly (typeof attached)[] = []): IpcRestore {
  const folder = mkdtempSync(join(dir, 'images-'));
  const writer = new ImageWriter(folder);
  write(writer);
  writer.finish(inventory('test', []));
  const images = new ImageReader(folder);
  const service = new ServiceFds();
  try {
    const none = null as never;
    const ipc = new IpcRestore({ images, service, thread: none, calls: none, log: silentLog() });
    ipc.read(tasks, [vmas], new PageSources(service));
    return ipc;
  } finally {
    service.close();
  }
}

/** A segment without content: its page map is there all the same. */
function addSegment(images: ImageWriter, namespace: number, entry: Parameters<typeof images.add<'ipcns-shm'>>[2], isFirst = true): void {
  images.add('ipcns-shm', namespace, entry);
  if (!isFirst) return;
  images.add('pagemap-shmem', 4n, { pages_id: 1 });
  images.rawFile('pages-1.img');
}

const bad = (what: RegExp) => ({ code: 'CR_IMAGE_BAD', message: what });

test('a namespace without objects needs only its variables', () => {
  assert.equal(read((images) => images.add('ipcns-var', OWN, variables)).isEmpty, false);
  assert.equal(read(() => undefined, [task(ownIds().ipc_ns_id!)]).isEmpty, true);
  assert.throws(() => read(() => undefined, [task(5)]), { code: 'CR_IMAGE_MISSING' });
});

test('one tree, one namespace', () => {
  assert.throws(() => read((images) => images.add('ipcns-var', OWN, variables), [task(OWN), task(OWN + 1)]), { code: 'CR_IMAGE_FEATURE' });
});

test('segments that cannot exist', () => {
  const segment = { desc, size: 4096n, in_pagemaps: true };
  const own = (...list: { desc: typeof desc; size: bigint; in_pagemaps: boolean }[]) => {
    return (images: ImageWriter) => {
      images.add('ipcns-var', OWN, variables);
      list.forEach((entry, i) => addSegment(images, OWN, entry, i === 0));
    };
  };
  assert.equal(read(own(segment), [task(OWN)], [attached]).segmentOf(4n).extent, 4096);
  assert.equal(read(own({ ...segment, size: 4097n })).segmentOf(4n).extent, 8192);
  assert.throws(() => read(own(segment, segment)), bad(/impossible segment 4/));
  assert.throws(() => read(own({ ...segment, size: 0n })), bad(/impossible segment/));
  assert.throws(() => read(own({ ...segment, size: 1n << 60n })), bad(/impossible segment/));
  assert.throws(() => read(own({ ...segment, desc: { ...desc, id: 0x80000000 } })), bad(/impossible segment/));
  assert.throws(() => read(own(), [task(OWN)], [attached]), bad(/mapping of shared memory segment 4, of which there is no image/));
});

test('in the namespace of the tools only what is attached counts', () => {
  const ours = ownIds().ipc_ns_id!;
  const write = (images: ImageWriter) => addSegment(images, ours, { desc, size: 4096n, in_pagemaps: true });
  assert.equal(read(write, [task(ours)]).isEmpty, true);
  assert.equal(read(write, [task(ours)], [attached]).isEmpty, false);
});

test('huge pages make an attachment larger', () => {
  const entry = { desc, size: 5n, in_pagemaps: true, hugetlb_flag: SHM.HUGETLB | (21 << SHM.HUGE_SHIFT) };
  const ipc = read((images) => {
    images.add('ipcns-var', OWN, variables);
    addSegment(images, OWN, entry);
  });
  assert.equal(ipc.segmentOf(4n).extent, 2 << 20);
});

test('pages beyond the end of a segment', () => {
  const write = (images: ImageWriter) => {
    images.add('ipcns-var', OWN, variables);
    images.add('ipcns-shm', OWN, { desc, size: 4096n, in_pagemaps: true });
    images.rawFile('pages-1.img');
    images.add('pagemap-shmem', 4, { pages_id: 1 });
    images.add('pagemap-shmem', 4, { vaddr: 4096n, compat_nr_pages: 1, nr_pages: 1n, flags: 4 });
  };
  assert.throws(() => read(write), { code: 'CR_IMAGE_BAD' });
});

test('queues and semaphores that cannot exist', () => {
  const queue = (mtype: bigint, qnum = 1) => {
    return (images: ImageWriter) => {
      images.add('ipcns-var', OWN, variables);
      images.add('ipcns-msg', OWN, { desc, qbytes: 100, qnum }, messageBytes(mtype, Buffer.from('text')));
    };
  };
  const set = (...values: number[]) => {
    return (images: ImageWriter) => {
      images.add('ipcns-var', OWN, variables);
      images.add('ipcns-sem', OWN, { desc, nsems: values.length }, Buffer.from(Uint16Array.from(values).buffer));
    };
  };
  read(queue(1n));
  read(set(0, 32767));
  assert.throws(() => read(queue(0n)), bad(/a queue that cannot exist/));
  assert.throws(() => read(queue(1n << 63n)), bad(/a queue that cannot exist/));
  assert.throws(() => read(queue(1n, 2)), { code: 'CR_IMAGE_BAD' });
  assert.throws(() => read(set(32768)), bad(/above 32767/));
  assert.throws(() => read(set()), bad(/semaphore set that cannot exist/));
});
