/** Shared anonymous memory of a frozen process, mapped here too. */
import { closeSync, openSync } from 'node:fs';
import { Arena } from '../program/arena.js';
import type { Native } from './native.js';

/**
 * Our view of one mapping: /proc/PID/map_files opens it without any path or descriptor of the target (needs CAP_SYS_ADMIN).
 * @param reserved bytes at its start that alloc() does not hand out
 */
export function shareArena(native: Native, pid: number, { addr, size }: { addr: number; size: number }, reserved: number): Arena {
  const name = `${addr.toString(16)}-${(addr + size).toString(16)}`;
  const fd = openSync(`/proc/${pid}/map_files/${name}`, 'r+');
  try {
    return new Arena(native.mapFd(fd, size, 0), addr, reserved);
  } finally {
    closeSync(fd);
  }
}
