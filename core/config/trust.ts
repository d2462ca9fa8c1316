/** Whose files may decide what runs with our rights: those that only root or we ourselves can change, in folders that only those can change. */
import { lstatSync, realpathSync, type Stats } from 'node:fs';
import { dirname } from 'node:path';
import { CrError } from '../errors.js';

const S_IWGRP = 0o020;
const S_IWOTH = 0o002;
const S_ISVTX = 0o1000;

/** What makes a file or folder one that others can change, with the command that ends it; null when nothing does. */
function distrust(
  path: string,
  { uid, mode }: Stats,
  own: number,
  isFolder: boolean,
): { readonly why: string; readonly cure: string } | null {
  if (uid !== 0 && uid !== own) return { why: `belongs to user ${uid}`, cure: `chown ${own} ${path}` };
  // In a folder with the sticky bit nobody can replace what belongs to others (unlink(2)).
  if (isFolder && (mode & S_ISVTX) !== 0) return null;
  if ((mode & S_IWOTH) !== 0) return { why: 'can be written by everybody', cure: `chmod o-w ${path}` };
  if ((mode & S_IWGRP) !== 0) return { why: 'can be written by its group', cure: `chmod g-w ${path}` };
  return null;
}

/**
 * Checks a file, and every folder on the way to where it really is.
 * @param what for the message: `plugin`, `configuration`
 * @throws CrError CR_NO_PERMISSION that names what can be changed by others, and the command that ends it
 */
export function checkTrusted(path: string, what: string): void {
  const own = process.geteuid?.() ?? 0;
  for (let at = realpathSync(path), isFolder = false; ; at = dirname(at), isFolder = true) {
    const problem = distrust(at, lstatSync(at), own, isFolder || lstatSync(at).isDirectory());
    if (problem)
      throw new CrError('CR_NO_PERMISSION', {
        message: `${at} ${problem.why}: the ${what} ${path} is not run with our rights`,
        subject: { path: at },
        hint: `If you trust it: ${problem.cure}`,
        target: 'not started',
      });
    if (at === '/') return;
  }
}
