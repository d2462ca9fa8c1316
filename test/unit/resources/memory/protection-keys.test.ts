import assert from 'node:assert/strict';
import { test } from 'node:test';
import { arch } from '../../../../core/arch/current.js';
import { loadNative } from '../../../../core/kernel/native.js';
import { ExtraState } from '../../../../core/resources/extra-state.js';
import { birthProt, keysOf, parseKeys, protectionKeys, textOf, type KeyedVma } from '../../../../core/resources/memory/protection-keys.js';
import { VMA_STATUS } from '../../../../core/resources/memory/vma-bits.js';
import type { RestoreRun, RestoreTask } from '../../../../core/restore/model.js';

const RW = 3;
const EXEC = 4;
const START = 0x7f00_0000_0000;
const PAGE = 4096;

function vma(page: number, prot: number, protectionKey: number, kind = 'anon'): KeyedVma {
  return { start: START + page * PAGE, prot, protectionKey, kind };
}

test('only mappings with another key than the kernel would give are named', () => {
  const keys = keysOf([vma(0, RW, 0), vma(1, RW, 3), vma(2, EXEC, 2), vma(3, EXEC, 3), vma(4, EXEC, 2)], [1, 3]);
  assert.deepEqual(keys, {
    allocated: [1, 3],
    executeOnly: 2,
    mappings: new Map([
      [START + PAGE, 3],
      [START + 3 * PAGE, 3],
    ]),
  });
});

test('memory that may only be executed and has key 0 got it by request, or no key was left', () => {
  assert.deepEqual(keysOf([vma(0, EXEC, 0)], []), { allocated: [], executeOnly: null, mappings: new Map([[START, 0]]) });
});

test('a key that was freed stays with its mapping', () => {
  assert.deepEqual(keysOf([vma(0, RW, 5)], []), { allocated: [], executeOnly: null, mappings: new Map([[START, 5]]) });
});

test('the page of vsyscall is no mapping of the process', () => {
  assert.deepEqual(keysOf([vma(0, EXEC, 0, 'vsyscall')], []), { allocated: [], executeOnly: null, mappings: new Map() });
});

test('what is written is read', () => {
  for (const text of ['1,3,15;2;7f0000000000=3,7f0000001000=0', ';;', '1;;', ';3;', ';;1000=15']) {
    const keys = parseKeys(text);
    assert.ok(keys, text);
    assert.equal(textOf(keys), text);
  }
});

test('texts that nobody can have written', () => {
  const wrong = [
    '',
    '1',
    '1;2',
    '3,1;;',
    '1,1;;',
    '0;;',
    '0,1;;',
    ';0;',
    '1;1;',
    ';;1000',
    ';;1000=',
    ';;g=1',
    ';;1000=1,1000=2',
    ';;1000=100',
  ];
  for (const text of [...wrong, '1;;\n', ' 1;;', '-1;;', '1.5;;', ';;1000000000000=1', ',1;;', '1,;;', ';;,', '1;;;'])
    assert.equal(parseKeys(text), null, text);
});

test('readable until the keys are there', () => {
  assert.deepEqual([0, 1, 3, 4, 5, 7].map(birthProt), [0, 1, 3, 5, 5, 7]);
});

function planned(text: string | null, mappings: readonly (readonly [page: number, prot: number, status?: number])[]): string[] {
  const extra = new ExtraState();
  if (text !== null) extra.set(70, 'protection-keys', text);
  const vmas = mappings.map(([page, prot, status]) => ({
    start: BigInt(START + page * PAGE),
    prot,
    status: status ?? VMA_STATUS.anonPrivate,
  }));
  return protectionKeys.plan!({ pid: 70, mm: { vmas } } as unknown as RestoreTask, { extra } as unknown as RestoreRun);
}

const IMPOSSIBLE = /^has impossible protection keys "/;

test('keys belong to mappings that are in the images', () => {
  assert.deepEqual(planned(null, []), []);
  assert.deepEqual(planned(';;7f0000000000=0', [[0, EXEC]]), []);
  assert.match(planned(';;7f0000001000=0', [[0, EXEC]])[0] ?? '', IMPOSSIBLE);
  assert.match(planned(';;7f0000000000=0', [[0, 0, VMA_STATUS.guard]])[0] ?? '', IMPOSSIBLE);
  assert.match(planned(';;7f0000000000=0', [[0, EXEC, VMA_STATUS.vsyscall]])[0] ?? '', IMPOSSIBLE);
  assert.match(planned('nonsense', [])[0] ?? '', IMPOSSIBLE);
});

test('the key of the kernel needs memory that may only be executed', () => {
  assert.match(planned(';2;', [[0, RW]])[0] ?? '', IMPOSSIBLE);
  assert.match(planned(';2;7f0000000000=0', [[0, EXEC]])[0] ?? '', IMPOSSIBLE);
  assert.deepEqual(planned(';2;', [[0, EXEC]]), []);
});

test('more keys than there are here', () => {
  const count = arch.protectionKeys.count(loadNative);
  const last = count - 1;
  if (count > 0) assert.deepEqual(planned(`${last};;`, []), []);
  assert.match(
    planned(`${Math.max(count, 1)};;`, [])[0] ?? '',
    /^uses protection key \d+ \(pkey_alloc\(2\)\), (which this processor|but there are only)/,
  );
  assert.equal(planned(';;7f0000000000=99', [[0, RW]]).length, 1);
});
