/** Mappings of shared memory and huge pages as image entries. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseSmaps } from '../../../../core/kernel/procfs/smaps.js';
import { hugePages } from '../../../../core/resources/memory/huge-pages.js';
import { MAP, VMA_STATUS } from '../../../../core/resources/memory/vma-bits.js';
import { hasPages, isPrivateHuge, needsFile, refuseVma, vmaEntry } from '../../../../core/resources/memory/vmas.js';

/** One mapping of 2 MiB as smaps shows it. */
function mapping(perms: string, name: string, flags: string, pageKb = 4) {
  const text = `7f0000000000-7f0000200000 ${perms} 00000000 00:01 4711 ${name}\nKernelPageSize: ${pageKb} kB\nRss: 0 kB\nVmFlags: ${flags}\n`;
  return parseSmaps({ path: '/proc/1/smaps', bytes: Buffer.from(text) })[0]!;
}

const SHARED = 'rd wr sh mr mw me ms sd';
const HUGE_2M = 21 << MAP.hugeShift;

test('shared anonymous memory is a memfd', () => {
  const vma = mapping('rw-s', '/dev/zero (deleted)', SHARED);
  assert.ok(needsFile(vma));
  assert.ok(!hasPages(vma));
  const entry = vmaEntry(vma, { id: 9, flags: 2, isMemfd: true, isDevice: false });
  assert.equal(entry.status, VMA_STATUS.regular | VMA_STATUS.memfd | VMA_STATUS.fileShared);
  assert.equal(entry.flags, MAP.shared);
  assert.equal(entry.shmid, 9n);
  assert.equal(entry.fdflags, 2);
});

test('a private mapping of shared anonymous memory has the file and pages of its own', () => {
  const vma = mapping('rw-p', '/dev/zero (deleted)', 'rd wr mr mw me');
  assert.ok(needsFile(vma) && hasPages(vma));
  const entry = vmaEntry(vma, { id: 3, flags: 0, isMemfd: true, isDevice: false });
  assert.equal(entry.status, VMA_STATUS.regular | VMA_STATUS.memfd | VMA_STATUS.filePrivate);
  assert.equal(entry.flags, MAP.private);
});

test('an ordinary deleted file of that name is no memfd', () => {
  const entry = vmaEntry(mapping('rw-s', '/dev/zero (deleted)', SHARED), { id: 3, flags: 2, isMemfd: false, isDevice: false });
  assert.equal(entry.status, VMA_STATUS.regular | VMA_STATUS.fileShared);
});

test('shared huge pages keep their size', () => {
  const vma = mapping('rw-s', '/anon_hugepage (deleted)', `${SHARED} de ht`, 2048);
  assert.ok(needsFile(vma) && !isPrivateHuge(vma));
  assert.equal(vmaEntry(vma, { id: 3, flags: 2, isMemfd: true, isDevice: false }).flags, MAP.shared | MAP.hugetlb | HUGE_2M);
});

test('private huge pages are anonymous memory, unless their file has content', () => {
  const vma = mapping('rw-p', '/anon_hugepage (deleted)', 'rd wr mr mw me de ht', 2048);
  assert.ok(!needsFile(vma) && isPrivateHuge(vma) && hasPages(vma));
  const plain = vmaEntry(vma, null);
  assert.equal(plain.status, VMA_STATUS.regular | VMA_STATUS.anonPrivate);
  assert.equal(plain.flags, MAP.private | MAP.anonymous | MAP.hugetlb | HUGE_2M);
  assert.equal(plain.shmid, 0n);
  assert.equal(vmaEntry(vma, { id: 3, flags: 2, isMemfd: true, isDevice: false }).flags, MAP.private | MAP.hugetlb | HUGE_2M);
});

test('a private mapping of a System V segment is refused', () => {
  assert.match(refuseVma(mapping('rw-p', '/SYSV00000061 (deleted)', 'rd wr mr mw me')) ?? '', /private mapping of the System V segment/);
  assert.equal(refuseVma(mapping('rw-s', '/SYSV00000061 (deleted)', SHARED)), null);
});

test('a deleted file of huge pages is refused, one with a name is not', () => {
  assert.match(refuseVma(mapping('rw-s', '/huge/x (deleted)', `${SHARED} de ht`, 2048)) ?? '', /deleted file of huge pages/);
  assert.equal(refuseVma(mapping('rw-s', '/huge/x', `${SHARED} de ht`, 2048)), null);
  assert.equal(refuseVma(mapping('rw-s', '/tmp/x (deleted)', SHARED)), null);
});

test('the size of huge pages is in the flags', () => {
  assert.equal(hugePages(MAP.hugetlb | HUGE_2M), 2 << 20);
  assert.equal(hugePages((30 << MAP.hugeShift) | 4), 2 ** 30);
  assert.equal(hugePages((34 << MAP.hugeShift) >>> 0), 2 ** 34);
  assert.equal(hugePages(MAP.hugetlb), 2 << 20);
});
