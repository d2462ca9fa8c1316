import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseNumaMaps } from '../../../../core/kernel/procfs/numa-maps.js';
import { assertRefused, changed, fixture, textOf } from './helper.js';

const policiesOf = (latin1: string) => parseNumaMaps(textOf(latin1)).map(({ policy }) => policy);

test('a captured file, with every mode and flag that this kernel has', () => {
  const text = fixture('numa-maps.txt');
  const mappings = parseNumaMaps(text);
  const lines = Buffer.from(text.bytes).toString('latin1').trimEnd().split('\n');
  assert.deepEqual(
    mappings.map(({ start }) => start.toString(16)),
    lines.map((line) => line.slice(0, line.indexOf(' '))),
  );
  assert.deepEqual([...new Set(mappings.map(({ policy }) => policy))].sort(), [
    'bind:0',
    'bind=balancing:0',
    'bind=relative:0',
    'bind=static:0',
    'bind=static|balancing:0',
    'default',
    'interleave:0',
    'local',
    'prefer (many):0',
    'prefer:0',
    'weighted interleave:0',
  ]);
  assert.ok(mappings.filter(({ policy }) => policy === 'default').length > 5);
});

test('a machine with many nodes', () => {
  assert.deepEqual(
    policiesOf(
      '7f0000000000 bind:0-1 anon=2 dirty=2 N0=1 N1=1 kernelpagesize_kB=4\n' +
        '7f0000004000 interleave:0,2-3,64 file=/dev/shm/x\\040bind:1 mapped=1 N3=1 kernelpagesize_kB=4\n' +
        '7f0000008000 prefer (many)=static|balancing:0-1\n' +
        '7f000000c000 weighted interleave=relative:1-3 huge\n' +
        '7ffc00000000 prefer=static:1 stack anon=1\n',
    ),
    ['bind:0-1', 'interleave:0,2-3,64', 'prefer (many)=static|balancing:0-1', 'weighted interleave=relative:1-3', 'prefer=static:1'],
  );
});

test('modes of kernels to come are taken as they are', () => {
  assert.deepEqual(policiesOf('1000 nearest:0-1\n2000 unknown heap\n3000 prefer (many)\n4000 weighted interleave heap\n'), [
    'nearest:0-1',
    'unknown',
    'prefer (many)',
    'weighted interleave',
  ]);
});

test('no text, no mappings', () => {
  assert.deepEqual(parseNumaMaps(textOf('')), []);
});

test('truncated and foreign text is refused with path and offset', () => {
  const line = '7f0000000000 prefer (many):0 anon=1';
  for (let length = 1; length <= line.length; length++)
    assertRefused(() => parseNumaMaps(textOf(line.slice(0, length))), /ends where|expected/);
  assertRefused(() => parseNumaMaps(changed('numa-maps.txt', (all) => all.slice(0, -1))), /ends where a newline/);
  assertRefused(() => parseNumaMaps(textOf('1000\n')), /" " expected/, 4);
  assertRefused(() => parseNumaMaps(textOf('1000 \n')), /a memory policy expected/, 5);
  assertRefused(() => parseNumaMaps(textOf('1000  default\n')), /a memory policy expected/, 5);
  assertRefused(() => parseNumaMaps(textOf('ffffffffff600001 default\n')), /start of a mapping/);
});
