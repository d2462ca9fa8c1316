/** The kernel of the VM fuzzer, as in vm-host.c: what it answers is a function of its seed, the number of the call and the arguments. */
import { arch } from '../../core/arch/current.js';
import { ProgramFault } from '../../core/program/interpret.js';
import type { ModelKernel, ModelMemory } from '../../core/program/model.js';

/** Bytes for cells at the beginning of the arena. */
const CODE_SIZE = 16384n;
const MAX_CALLS = 200_000;
const EINTR = -4n;
const EIO = -5n;
const EAGAIN = -11n;
const EFAULT = -14n;
const EINVAL = -22n;
const ETIMEDOUT = -110n;
const VECTORED = new Set<number>([arch.syscalls.readv, arch.syscalls.writev, arch.syscalls.preadv, arch.syscalls.pwritev]);

function mix(h: number, v: number): number {
  const m = Math.imul(h ^ v, 0x9e3779b1);
  return (m ^ (m >>> 15)) >>> 0;
}

export class FuzzKernel {
  calls = 0;
  constructor(private readonly seed: number) {}

  readonly answer: ModelKernel = (nr, args, memory) => {
    if (++this.calls > MAX_CALLS) throw new ProgramFault('too many system calls');
    const a = args.map((arg) => BigInt.asUintN(64, arg));
    const futex = nr === arch.syscalls.futex;
    if (futex) a[3] = a[3] === 0n ? 0n : 1n;
    let h = mix(mix(this.seed, this.calls), nr);
    for (const arg of a) h = mix(mix(h, Number(arg & 0xffffffffn)), Number(arg >> 32n));
    if (futex) return answerFutex(h, a, memory);
    if (VECTORED.has(nr)) return answerVectored(h, a[1]!, a[2]!, memory);
    if (nr === arch.syscalls.pread64) return answerPositioned(h, a[1]!, a[2]!, memory);
    return answerOther(h, a[1]!, memory);
  };
}

/** The kernel touches only what lies behind the cells. */
function holds(memory: ModelMemory, addr: bigint, size: bigint): boolean {
  return size <= BigInt(memory.bytes.length) && addr >= memory.base + CODE_SIZE && memory.holds(addr, Number(size));
}

function answerOther(h: number, buffer: bigint, memory: ModelMemory): bigint {
  switch (h & 7) {
    case 0:
    case 1:
      return -BigInt(1 + ((h >>> 3) % 133));
    case 2:
      if (holds(memory, buffer, 8n)) memory.at(buffer, 8).writeBigUInt64LE(BigInt(h));
      return 0n;
    case 3:
      return BigInt.asIntN(64, (BigInt(h) << 32n) | BigInt(h));
    case 4:
      return -BigInt(h) - 4096n;
    default:
      return BigInt(h >>> 8);
  }
}

function answerVectored(h: number, iov: bigint, count: bigint, memory: ModelMemory): bigint {
  if (count > 1024n || !holds(memory, iov, count * 16n)) return EFAULT;
  let sum = 0n;
  for (let i = 0n; i < count; i++) {
    const length = memory.at(iov + 16n * i + 8n, 8).readBigUInt64LE();
    if (length > 0x7fffffffn) return EINVAL;
    sum += length;
  }
  if ((h & 7) === 0) return EINTR;
  if ((h & 63) === 1) return EIO;
  return BigInt(h >>> 6) % (sum + 1n);
}

function answerPositioned(h: number, buffer: bigint, size: bigint, memory: ModelMemory): bigint {
  if ((h & 7) === 0) return EINTR;
  const most = size > 8192n ? 8192n : size;
  const n = BigInt(h >>> 3) % (most + 1n);
  if (!holds(memory, buffer, n)) return EFAULT;
  memory.at(buffer, Number(n)).fill(h >>> 24);
  return n;
}

function answerFutex(h: number, a: readonly bigint[], memory: ModelMemory): bigint {
  if (a[1] !== 0n) return BigInt(h & 3);
  if ((h & 3) !== 0 || !holds(memory, a[0]!, 4n)) return (h & 4) !== 0 ? ETIMEDOUT : EAGAIN;
  const word = memory.at(a[0]!, 4);
  word.writeUInt32LE((word.readUInt32LE() + 1 + (h >>> 28)) >>> 0);
  return 0n;
}
