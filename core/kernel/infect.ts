/**
 * Putting parasites into frozen processes, all at once. Order (every step leaves the tasks able to heal themselves):
 *  1. the stub with the leader's registers goes into vDSO padding; 2. registers point to the stub, 3. then the mask blocks everything (the other
 *  order would leave all signals blocked if we died between); 4. two remote mmaps; 5. threads start in the blob.
 * No descriptor of a target is used, so it works at RLIMIT_NOFILE too.
 */
import { errnoName } from '../abi/errno.js';
import { CrError } from '../errors.js';
import { haltAfterCalls } from './halt.js';
import type { KernelThread } from './kernel-thread.js';
import type { Parasite } from './parasite.js';
import { readMaps } from './procfs/maps.js';
import { emitRemoteCalls, remoteResult, REMOTE_CALL_SIZE } from './remote-call.js';
import { findStubPlace, type StubCandidate } from './stub.js';

const PROT_RX = 5;
const PROT_RW = 3;
const MAP_SHARED_ANON = 0x21;
/** Processes at a time: bounds our memory. */
const BATCH = 128;

export interface Host {
  readonly parasite: Parasite;
  /** Mappings of the process, which stands still. */
  readonly maps: readonly StubCandidate[];
}

/** Maps the arenas and starts a daemon in every thread. Precondition: all threads are stopped and their registers and masks are read. */
export function infectAll(thread: KernelThread, hosts: readonly Host[]): void {
  for (let i = 0; i < hosts.length; i += BATCH) infectBatch(thread, hosts.slice(i, i + BATCH));
}

function infectBatch(thread: KernelThread, hosts: readonly Host[]): void {
  const parasites = hosts.map(({ parasite }) => parasite);
  for (const { parasite, maps } of hosts) parasite.placeStub(findStubPlace(thread.native.blob, parasite.process, maps));
  try {
    mapArenas(thread, parasites);
  } catch (error) {
    recover(thread, hosts);
    throw error;
  }
  for (const parasite of parasites) parasite.placeThreads();
  const size = parasites.reduce((n, parasite) => n + parasite.startSize, 4096);
  thread.once('parasite.start', size, (p) => parasites.forEach((parasite) => parasite.emitStart(p)), { target: 'running' }).free();
  for (const parasite of parasites) parasite.started();
}

function mapArenas(thread: KernelThread, parasites: readonly Parasite[]): void {
  const map = (size: number, prot: number) =>
    ({ name: 'mmap', args: [0, size, prot, MAP_SHARED_ANON, -1n, 0], why: 'map the arena' }) as const;
  const { value, free } = thread.once(
    'parasite.map',
    4096 + parasites.length * (1024 + 2 * REMOTE_CALL_SIZE),
    (p) => {
      for (const parasite of parasites) parasite.emitToStub(p);
      const code = emitRemoteCalls(
        p,
        parasites.map((parasite) => parasite.caller(map(parasite.sizes.code, PROT_RX))),
      );
      const data = emitRemoteCalls(
        p,
        parasites.map((parasite) => parasite.caller(map(parasite.sizes.data, PROT_RW))),
      );
      return { code, data };
    },
    { target: 'running' },
  );
  const results = parasites.map((parasite, i) => ({ parasite, code: remoteResult(value.code[i]!), data: remoteResult(value.data[i]!) }));
  free();
  // What is there is known before anything is an error: it has to be unmapped again.
  for (const { parasite, code, data } of results) {
    if (code > 0) parasite.hasCode(code);
    if (data > 0) parasite.hasArena(data);
  }
  for (const { parasite, code, data } of results) {
    const { pid } = parasite.process;
    if (code <= 0) throw noRoom(pid, parasite.sizes.code, -code);
    if (data <= 0) throw noRoom(pid, parasite.sizes.data, -data);
  }
}

function noRoom(pid: number, size: number, errno: number): CrError {
  return new CrError('CR_REMOTE', {
    message: `no room for ${size} bytes in the address space`,
    subject: { pid },
    kernel: { call: `mmap(NULL, ${size}, ..., MAP_SHARED|MAP_ANONYMOUS)`, errno: errnoName(errno) },
    hint: 'Raise RLIMIT_AS of the process (RLIMIT_MEMLOCK, when its mappings are locked), or free memory.',
    target: 'running',
  });
}

/** Something went wrong in the middle. Afterwards the processes stand, and what was mapped is known, so that they can be cured. */
function recover(thread: KernelThread, hosts: readonly Host[]): void {
  const stand = new Set(
    haltAfterCalls(
      thread,
      hosts.map(({ parasite }) => parasite.process.main.tid),
    ),
  );
  for (const host of hosts) if (stand.has(host.parasite.process.main.tid)) adopt(thread, host);
}

/** Finds what the process has mapped for us. */
function adopt(thread: KernelThread, { parasite, maps }: Host): void {
  const known = new Set(maps.map(({ start }) => start));
  const { code, data } = parasite.sizes;
  for (const vma of readMaps(thread.proc, parasite.process.pid) ?? []) {
    if (known.has(vma.start) || !vma.shared) continue;
    if (vma.prot === PROT_RX && vma.end - vma.start === code) parasite.hasCode(vma.start);
    if (vma.prot === PROT_RW && vma.end - vma.start === data) parasite.hasArena(vma.start);
  }
}
