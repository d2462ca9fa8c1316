/** Is a descriptor a terminal? */
import { fstatSync } from 'node:fs';

/** Major number of null, zero, full, random (Documentation/admin-guide/devices.txt): the most usual character devices that are no terminals. */
const MEM_MAJOR = 1;

/** isatty(3). The module that asks is loaded only for a character device: it takes longer to load than most commands take to run. */
export function isTerminal(fd: number): boolean {
  try {
    const stat = fstatSync(fd);
    if (!stat.isCharacterDevice() || ((stat.rdev >> 8) & 0xfff) === MEM_MAJOR) return false;
  } catch {
    // A closed descriptor is no terminal.
    return false;
  }
  return process.getBuiltinModule('node:tty').isatty(fd);
}
