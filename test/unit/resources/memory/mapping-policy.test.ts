import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseMaps } from '../../../../core/kernel/procfs/maps.js';
import { parseNumaMaps } from '../../../../core/kernel/procfs/numa-maps.js';
import { hasSeveralNodes, refusePolicies } from '../../../../core/resources/memory/mapping-policy.js';

const textOf = (lines: readonly string[]) => ({ path: '/proc/1/test', bytes: Buffer.from(lines.map((line) => `${line}\n`).join('')) });
const MAPS = [
  '10000-14000 rw-p 00000000 00:00 0 ',
  '14000-18000 rw-p 00000000 00:00 0 ',
  '20000-24000 rw-s 00000000 00:1a 7 /dev/shm/named',
  '24000-28000 rw-s 00000000 00:1a 8 /dev/shm/gone (deleted)',
  '28000-2c000 rw-s 00000000 00:01 9 /dev/zero (deleted)',
  '2c000-30000 rw-s 00000000 00:01 9 /memfd:x (deleted)',
  '30000-34000 rw-p 00000000 08:01 10 /opt/program',
  '40000-42000 r-xp 00000000 00:00 0                          [vdso]',
  'ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]',
];

/** Refused with the policies of MAPS in order; the vDSO shows that of the thread. */
function refused(policies: readonly string[], maps: readonly string[] = MAPS): string[] {
  const lines = policies.map((policy, i) => `${MAPS[i]!.split('-')[0]} ${policy} anon=1 N0=1 kernelpagesize_kB=4`);
  return refusePolicies(parseMaps(textOf(maps)), parseNumaMaps(textOf(lines)));
}

const NONE = Array.from({ length: 8 }, () => 'default');

test('no policies, nothing to refuse', () => {
  assert.deepEqual(refused(NONE), []);
  assert.deepEqual(refusePolicies([], []), []);
});

test('a mapping with a policy of its own is named by its address', () => {
  assert.deepEqual(refused(['default', 'bind:0-1', ...NONE.slice(2)]), [
    'mapping 14000-18000 has the NUMA policy bind:0-1 of its own (mbind(2)), which is not kept yet: set one for the whole process instead (numactl(8))',
  ]);
});

test('the policy of the thread is not one of the mapping', () => {
  const all = MAPS.slice(0, 8).map(() => 'weighted interleave:0-1');
  assert.deepEqual(refused(all), []);
  const [line, ...more] = refused(['local', ...all.slice(1)]);
  assert.match(line ?? '', /^mapping 10000-14000 has the NUMA policy local of its own/);
  assert.deepEqual(more, []);
});

test('without a vDSO the thread is taken for one that has no policy', () => {
  const maps = MAPS.filter((line) => !line.endsWith('[vdso]'));
  assert.deepEqual(refused(NONE, maps), []);
  assert.equal(refused(['bind:1', ...NONE.slice(1)], maps).length, 1);
});

test('shared memory and private mappings are made anew, a shared file stays as it is', () => {
  const bound = [...MAPS.slice(0, 7).map(() => 'bind:1'), 'default'];
  const starts = refused(bound).map((line) => /^mapping ([0-9a-f]+)-/.exec(line)?.[1]);
  assert.deepEqual(starts, ['10000', '14000', '24000', '28000', '2c000', '30000']);
});

test('a mapping that came or went between the two files is left to the next look', () => {
  assert.deepEqual(refused(['bind:1', ...NONE.slice(1)], MAPS.slice(1)), []);
});

test('one node or several', () => {
  for (const list of ['0\n', '', '1', '15\n']) assert.equal(hasSeveralNodes(list), false, list);
  for (const list of ['0-1\n', '0,2', '0-3,8-11\n']) assert.equal(hasSeveralNodes(list), true, list);
});
