/** A task program of a plugin: one flat, position-independent image (plugins/sdk/native/include/criu_ts_task.h writes its header). */
import { ELF_MACHINES, OWN_NAME } from '../arch/elf.js';
import { PLUGIN_TASK_ABI } from './api-version.js';

const MAGIC = 'CRTSTASK';
const HEADER_BYTES = 32;
const AT = { abi: 8, machine: 12, size: 16, entry: 20, leave: 24 } as const;
/** A program that runs in a task to put something right is small; whatever is larger is not one. */
const MAX_PROGRAM_BYTES = 1 << 20;

export interface TaskProgram {
  readonly bytes: Uint8Array;
  /** Offsets of the signal handler that begins it, and of the code that returns from that. */
  readonly entry: number;
  readonly leave: number;
}

/** @throws RangeError that says what it is instead */
export function readTaskProgram(bytes: Uint8Array): TaskProgram {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.length < HEADER_BYTES || view.toString('latin1', 0, MAGIC.length) !== MAGIC)
    throw new RangeError('is no task program: criu_ts_task_program() of the SDK builds one');
  const field = (name: keyof typeof AT) => view.readUInt32LE(AT[name]);
  if (field('abi') !== PLUGIN_TASK_ABI)
    throw new RangeError(`is a task program of ABI ${field('abi')}, this criu-ts has ${PLUGIN_TASK_ABI}`);
  const machine = field('machine');
  if (machine !== ELF_MACHINES[OWN_NAME]) throw new RangeError(`is a task program for machine ${machine}; this process is ${OWN_NAME}`);
  if (field('size') !== view.length || view.length > MAX_PROGRAM_BYTES)
    throw new RangeError(`has ${view.length} bytes and says ${field('size')}; at most ${MAX_PROGRAM_BYTES} are taken`);
  for (const name of ['entry', 'leave'] as const)
    if (field(name) < HEADER_BYTES || field(name) >= view.length)
      throw new RangeError(`has its ${name} at ${field(name)}, outside of itself`);
  return { bytes, entry: field('entry'), leave: field('leave') };
}
