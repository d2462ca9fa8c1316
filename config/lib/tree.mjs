// Content hashes of source files: what a build step depends on, as one short text.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** Folders that never hold sources. */
const SKIP = new Set(['node_modules', 'dist', 'build', '.git', '.peers', '.work']);

/** All files under `dir` (absolute) whose name passes `keep`, sorted, so that equal trees give equal lists. */
export function filesUnder(dir, keep = () => true) {
  let entries;
  try {
    entries = readdirSync(dir, { withFileTypes: true });
  } catch (error) {
    if (error.code === 'ENOENT') return [];
    throw error;
  }
  const found = [];
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = join(dir, entry.name);
    if (entry.isDirectory() && !SKIP.has(entry.name)) found.push(...filesUnder(path, keep));
    else if (entry.isFile() && keep(path)) found.push(path);
  }
  return found;
}

/** One hash over names and contents of `files`, plus `extra` text (versions, flags). Missing files count as absent, not as an error. */
export function hashFiles(files, extra = '') {
  const hash = createHash('sha256').update(extra);
  for (const file of files) {
    hash.update(`\0${file}\0`);
    try {
      hash.update(readFileSync(file));
    } catch (error) {
      // Another person may delete a file between listing and reading; the next run sees the new list.
      if (error.code !== 'ENOENT') throw error;
    }
  }
  return hash.digest('hex');
}

/** True when every path exists. */
export function allExist(paths) {
  return paths.every((path) => statSync(path, { throwIfNoEntry: false }) !== undefined);
}
