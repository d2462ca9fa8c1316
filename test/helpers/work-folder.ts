/** Where the processes of a test file work: by that they are found and ended. */
import { mkdirSync, mkdtempSync, readdirSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';

/** Their pids: one that was noted may belong to somebody else by now. */
export function inFolder(folder: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        return pid !== process.pid && readlinkSync(`/proc/${pid}/cwd`).startsWith(folder);
      } catch {
        // Ended meanwhile, or a kernel thread.
        return false;
      }
    });
}

export function killAll(folder: string): void {
  for (let pids = inFolder(folder), tries = 0; pids.length > 0 && tries < 200; pids = inFolder(folder), tries++) {
    for (const pid of pids) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
      }
    }
  }
}

/** A folder for the tests of a file. What works in it is ended when they are done, and the folder removed. */
export class WorkFolder {
  readonly path: string;
  private made = 0;

  constructor(prefix: string) {
    this.path = mkdtempSync(join(tmpdir(), prefix));
    after(() => {
      killAll(this.path);
      rmSync(this.path, { recursive: true });
    });
  }

  /** A new folder in it, with one for images. */
  add(): { readonly folder: string; readonly images: string } {
    const folder = join(this.path, String(this.made++));
    const images = join(folder, 'images');
    mkdirSync(images, { recursive: true });
    return { folder, images };
  }
}
