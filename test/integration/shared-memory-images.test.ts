/**
 * Images of shared memory that no tool at hand writes: objects known by their mappings only, as CRIU writes them without /proc/PID/map_files, and
 * memfd images that make no sense. Both are made out of a dump of ours.
 */
import assert from 'node:assert/strict';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { imageFromJson } from '../../core/images/image-json.js';
import { parseJson } from '../../core/images/json.js';
import { MAP, VMA_STATUS } from '../../core/resources/memory/vma-bits.js';
import { reserveHugePages } from '../helpers/huge-pages.js';
import { criuTs } from '../helpers/run-command.js';
import { scenarioOf } from '../helpers/scenario.js';
import { Subject, SubjectFailure } from '../helpers/subject.js';
import { ours } from '../helpers/tools.js';
import { victims } from '../helpers/victims.js';

type Entry = Record<string, unknown>;

const root = { skip: process.getuid?.() === 0 ? false : 'needs root: processes are frozen and pids chosen' };

function edit(images: string, name: string, change: (entry: Entry) => void): void {
  const path = join(images, name);
  const shown = criuTs(['show', path, '--format', 'json']);
  assert.equal(shown.status, 0, shown.stderr);
  const json = parseJson(shown.stdout) as { entries: Entry[] };
  json.entries.forEach(change);
  writeFileSync(path, Buffer.concat(imageFromJson(json)));
}

/** Shmid of every memfd, by the id of its files. */
function shmids(images: string): Map<number, unknown> {
  const byInode = new Map<number, unknown>();
  const byFile = new Map<number, unknown>();
  edit(images, 'memfd.img', (entry) => byInode.set(Number(entry['inode_id']), entry['shmid']));
  edit(images, 'files.img', ({ memfd }) => {
    const file = memfd as Entry | undefined;
    if (file) byFile.set(Number(file['id']), byInode.get(Number(file['inode_id'])));
  });
  return byFile;
}

function knowByMappings(images: string): number {
  const known = shmids(images);
  let changed = 0;
  for (const name of readdirSync(images).filter((file) => /^mm-\d+\.img$/.test(file)))
    edit(images, name, (mm) => {
      for (const vma of mm['vmas'] as Entry[]) {
        if ((Number(vma['status']) & VMA_STATUS.memfd) === 0) continue;
        vma['shmid'] = known.get(Number(vma['shmid']));
        vma['status'] = VMA_STATUS.regular | VMA_STATUS.anonShared;
        vma['flags'] = Number(vma['flags']) | MAP.anonymous;
        delete vma['fdflags'];
        changed++;
      }
    });
  return changed;
}

async function through(name: string, pages: number, work: (subject: Subject) => Promise<void>): Promise<void> {
  const victim = victims().find((item) => item.name === name);
  assert.ok(victim);
  const giveBack = pages > 0 ? await reserveHugePages(pages) : null;
  const subject = new Subject(`images-${name}`);
  try {
    await scenarioOf(victim).start(subject);
    const before = subject.family();
    await subject.dump(ours);
    await subject.waitGone('after the dump', before);
    await work(subject);
    await subject.waitGone('after the end');
  } finally {
    await subject.close();
    await giveBack?.();
  }
}

for (const [name, pages] of [
  ['shared-anon', 0],
  ['hugetlb-shared', 10],
] as const)
  test(`${name}, known by its mappings only`, root, async () => {
    await through(name, pages, async (subject) => {
      assert.ok(knowByMappings(subject.images) >= 3);
      await subject.restore(ours);
      const victim = victims().find((item) => item.name === name)!;
      await scenarioOf(victim).finish(subject);
    });
  });

const BROKEN: readonly (readonly [what: string, change: Entry, says: RegExp])[] = [
  ['unknown seals', { seals: 0x140 }, /seals that are not known \(0x140\)/],
  ['huge pages of an impossible kind', { hugetlb_flag: 0x20 }, /impossible huge pages/],
  ['huge pages that do not fit the size', { hugetlb_flag: 0x54000004 }, /impossible huge pages/],
  ['a size beyond everything', { size: '18446744073709547520' }, /impossible memfd 0/],
  ['a size below its pages', { size: 4096 }, /has a page at/],
  ['a name that is too long', { name: 'x'.repeat(250) }, /impossible memfd 0/],
  ['the number of another', { inode_id: 7 }, /has no inode 0/],
];

for (const [what, change, says] of BROKEN)
  test(`a memfd with ${what} is refused`, root, async () => {
    await through('memfd-exec', 0, async (subject) => {
      edit(subject.images, 'memfd.img', (entry) => {
        if (Number(entry['inode_id']) === 0) Object.assign(entry, change);
      });
      await assert.rejects(subject.restore(ours), (error) => {
        assert.ok(error instanceof SubjectFailure);
        assert.match(error.message, says);
        assert.doesNotMatch(error.message, /\n\s+at /);
        return true;
      });
    });
  });
