import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadNative } from '../../../../core/kernel/native.js';
import { Arena } from '../../../../core/program/arena.js';
import { Program } from '../../../../core/program/program.js';
import { attachmentsOf, emitAttachments } from '../../../../core/resources/ipc/attach.js';
import type { Vma } from '../../../../core/resources/memory/restore.js';
import { MAP, VMA_STATUS } from '../../../../core/resources/memory/vma-bits.js';

const PAGE = 4096;
const AT = 0x7f00_0000_0000;

function vma(start: number, pages: number, more: Partial<Vma> = {}): Vma {
  const status = VMA_STATUS.regular | VMA_STATUS.anonShared | VMA_STATUS.sysvIpc;
  const base = { prot: 3, flags: MAP.shared, status, pgoff: 0, shmid: 5n, madv: 0n, readOnly: false };
  return { start, end: start + pages * PAGE, ...base, ...more };
}

function calls(vmas: readonly Vma[], extent: number): string[] {
  const mapping = loadNative().mapAnon(1 << 16);
  const p = new Program('test', new Arena(mapping, Number(mapping.addr)));
  emitAttachments(p, vmas, [], () => extent);
  const text = p.end().text();
  return text
    .split('\n')
    .slice(1)
    .map((line) =>
      line
        .trim()
        .split(/\s+/)
        .slice(1)
        .join(' ')
        .replace(/ must.*/, ''),
    )
    .filter((line) => !line.startsWith('*end') && line !== '');
}
const hex = (n: number) => `0x${n.toString(16)}`;

test('parts of one attachment belong together by segment, beginning and access', () => {
  const parts = [
    vma(AT, 2),
    vma(AT + 4 * PAGE, 1, { pgoff: 4 * PAGE }),
    vma(AT + 16 * PAGE, 1),
    vma(AT + 6 * PAGE, 1, { pgoff: 6 * PAGE, readOnly: true }),
  ];
  const found = attachmentsOf([...parts, vma(AT + 32 * PAGE, 1, { status: VMA_STATUS.regular | VMA_STATUS.anonShared })]);
  assert.deepEqual(
    found.map(({ base, parts: { length }, readOnly }) => ({ base, length, readOnly })),
    [
      { base: AT, length: 2, readOnly: false },
      { base: AT + 16 * PAGE, length: 1, readOnly: false },
      { base: AT, length: 1, readOnly: true },
    ],
  );
});

test('a whole attachment is one call', () => {
  assert.deepEqual(calls([vma(AT, 4)], 4 * PAGE), [`shmat(5, ${hex(AT)})`]);
  assert.deepEqual(calls([vma(AT, 4, { prot: 1, readOnly: true })], 4 * PAGE), [`shmat(5, ${hex(AT)}, 0x1000)`]);
});

test('holes are unmapped and protections set', () => {
  assert.deepEqual(calls([vma(AT, 1, { prot: 1 }), vma(AT + 3 * PAGE, 1, { pgoff: 3 * PAGE })], 4 * PAGE), [
    `shmat(5, ${hex(AT)})`,
    `munmap(${hex(AT + PAGE)}, 0x2000)`,
    `mprotect(${hex(AT)}, 0x1000, 1)`,
  ]);
});

test('where something else lies in a hole the parts are moved to their places', () => {
  const other = vma(AT + PAGE, 1, { status: VMA_STATUS.regular | VMA_STATUS.anonPrivate });
  const [attach, first, second, rest, ...more] = calls([vma(AT, 1), other, vma(AT + 3 * PAGE, 1, { pgoff: 3 * PAGE })], 4 * PAGE);
  const at = Number(/^shmat\(5, (0x[0-9a-f]+)\)$/.exec(attach!)?.[1]);
  assert.ok(at > 0 && at !== AT);
  assert.equal(first, `mremap(${hex(at)}, 0x1000, 0x1000, 3, ${hex(AT)})`);
  assert.equal(second, `mremap(${hex(at + 3 * PAGE)}, 0x1000, 0x1000, 3, ${hex(AT + 3 * PAGE)})`);
  assert.equal(rest, `munmap(${hex(at)}, 0x4000)`);
  assert.deepEqual(more, []);
});

test('a mapping beyond the end of its segment is refused', () => {
  assert.throws(() => calls([vma(AT, 4)], 2 * PAGE), { code: 'CR_IMAGE_BAD' });
});
