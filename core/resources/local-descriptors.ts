/** Segments of a process's own (modify_ldt(2), x86 only): 16- and 32-bit code in a 64-bit process, as Wine runs it. Refused: images have no place for them. */
import { CrError } from '../errors.js';
import type { TaskResource } from './resource.js';

const READ = 0;
const ENTRY = 8;

export const localDescriptors: TaskResource = {
  name: 'local-descriptors',
  // No file of /proc shows them, so they are met only when the process stands.
  readInside(p, task) {
    const table = p.sys.modify_ldt(READ, p.out(ENTRY), ENTRY).ignore('a kernel without the call has no such segments');
    return () => {
      if (table.result <= 0) return;
      throw new CrError('CR_UNSUPPORTED', {
        message: 'has segments of its own (a local descriptor table, modify_ldt(2)), which cannot be dumped yet',
        subject: { pid: task.pid },
        hint: 'Dump it before it makes them, or end what needs them (Wine, DOSEMU).',
        target: 'running',
      });
    };
  },
};
