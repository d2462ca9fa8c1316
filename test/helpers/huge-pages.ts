/** Huge pages for victims: the pool (vm.nr_hugepages) is raised by what a run needs and lowered by the same afterwards. */
import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Skipped } from './scenario.js';

const POOL = '/proc/sys/vm/nr_hugepages';
/** Runs of other processes change the pool too: whoever has made this folder may read and write it. */
const LOCK = join(tmpdir(), 'criu-ts-huge-pages.lock');
const PATIENCE_MS = 5000;

async function locked<T>(work: () => T): Promise<T> {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    try {
      mkdirSync(LOCK);
      break;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      // Held for microseconds: somebody died with it.
      if (performance.now() > deadline) rmdirSync(LOCK);
    }
    await sleep(5);
  }
  try {
    return work();
  } finally {
    rmdirSync(LOCK);
  }
}

function size(): number {
  return Number(readFileSync(POOL, 'utf8'));
}

/** Adds pages to the pool. @returns what takes them away again. @throws Skipped when the kernel does not give them */
export async function reserveHugePages(count: number): Promise<() => Promise<void>> {
  const got = await locked(() => {
    const before = size();
    try {
      writeFileSync(POOL, String(before + count));
    } catch (error) {
      throw new Skipped(`huge pages: ${POOL} cannot be written (${(error as NodeJS.ErrnoException).code ?? 'unknown'})`);
    }
    return size() - before;
  });
  const giveBack = (): Promise<void> => locked(() => writeFileSync(POOL, String(Math.max(0, size() - got))));
  if (got >= count) return giveBack;
  await giveBack();
  throw new Skipped(`${count} huge pages in one piece: the kernel found ${got}`);
}
