/** Registrations for expedited memory barriers (membarrier(2)). They belong to the address space. */
import type { Program } from '../program/program.js';
import type { TaskResource } from './resource.js';
import { taskPart } from './task-parts.js';

/** MEMBARRIER_CMD_GET_REGISTRATIONS, Linux 6.3: the mask of all REGISTER commands that were made. */
const GET_REGISTRATIONS = 1 << 9;
/** Private barriers; the command that registers for one is the next bit. */
const PRIVATE_EXPEDITED = [1 << 3, 1 << 5, 1 << 7] as const;
/** Those three and MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED. */
const REGISTER_COMMANDS = [1 << 2, 1 << 4, 1 << 6, 1 << 8] as const;
const KNOWN = REGISTER_COMMANDS.reduce((mask, command) => mask | command, 0);
const SIGN_BIT = 1n << 63n;

function emitProbes(p: Program) {
  // Older kernels: a private barrier succeeds exactly for who is registered (else EPERM), and does nothing that could be noticed.
  return PRIVATE_EXPEDITED.map((command) => ({ command, call: p.sys.membarrier(command, 0, 0).ignore('only registered processes may') }));
}

export const membarrier: TaskResource = {
  name: 'membarrier',
  readInside(p, task) {
    const all = p.sys.membarrier(GET_REGISTRATIONS, 0, 0).ignore('an older kernel says EINVAL; then each kind is tried');
    const known = p.branch(all, SIGN_BIT, 0);
    const probes = emitProbes(p);
    p.place(known);
    return () => {
      const registered = (mask: number, { command, call }: (typeof probes)[number]) => (call.result === 0 ? mask | (command << 1) : mask);
      const mask = all.result >= 0 ? all.result : probes.reduce(registered, 0);
      if (mask !== 0) taskPart(task.core).membarrier_registration_mask = mask;
    };
  },
  plan(task) {
    const mask = taskPart(task.core!).membarrier_registration_mask ?? 0;
    return (mask & ~KNOWN) === 0 ? [] : [`has unknown membarrier registrations 0x${mask.toString(16)}: the image is too new`];
  },
  process: {
    // Before threads exist: with one thread a registration needs no waiting for all processors (sync_runqueues_membarrier_state).
    process(p, task) {
      const mask = taskPart(task.core!).membarrier_registration_mask ?? 0;
      for (const command of REGISTER_COMMANDS)
        if ((mask & command) !== 0)
          p.sys.membarrier(command, 0, 0).must(`register for memory barriers (command 0x${command.toString(16)})`);
    },
  },
};
