/** --pidfile: who the restored root is. */
import { closeSync, constants, openSync, unlinkSync, writeSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { CrError } from '../errors.js';

export interface Pidfile {
  write(pid: number): void;
  /** Removes the file again: a failed restore leaves nothing behind. The second time nothing happens. */
  discard(): void;
}

/**
 * Creates the file before anything is restored, so that a bad name costs nothing. O_EXCL as in CRIU: an old pidfile would name a stranger.
 * @throws CrError CR_USAGE
 */
export function reservePidfile(name: string, workDir: string): Pidfile {
  const path = isAbsolute(name) ? name : join(workDir, name);
  let fd: number;
  try {
    fd = openSync(path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600);
  } catch (error) {
    const errno = (error as NodeJS.ErrnoException).code ?? 'EIO';
    throw new CrError('CR_USAGE', {
      message: 'cannot create the pidfile',
      subject: { path },
      kernel: { call: `openat(AT_FDCWD, "${path}", O_WRONLY|O_CREAT|O_EXCL)`, errno },
      hint: errno === 'EEXIST' ? 'Remove the old pidfile or choose another name.' : 'Check --pidfile and --work-dir.',
      target: 'not started',
      cause: error,
    });
  }
  let open = true;
  return {
    write: (pid) => {
      writeSync(fd, String(pid));
      closeSync(fd);
    },
    discard: () => {
      if (!open) return;
      open = false;
      closeSync(fd);
      unlinkSync(path);
    },
  };
}
