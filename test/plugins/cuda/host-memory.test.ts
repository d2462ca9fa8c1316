/** How much memory a process may still take: the host's, and the lowest limit of the control groups above it. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { availableMemory } from '../../../plugins/cuda/src/host-memory.js';

const GIB = 2 ** 30;
let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'host-memory-'));
  write('proc/meminfo', `MemTotal:       67108864 kB\nMemAvailable:   ${(16 * GIB) / 1024} kB\n`);
  write('proc/7/cgroup', '0::/slice/job\n');
});
afterEach(() => rmSync(root, { recursive: true }));

function write(path: string, text: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}

function group(path: string, limit: string, used: number): void {
  write(`cgroups/${path}/memory.max`, `${limit}\n`);
  write(`cgroups/${path}/memory.current`, `${used}\n`);
}

const available = () => availableMemory(7, { proc: join(root, 'proc'), cgroups: join(root, 'cgroups') });

test('without limits the host counts', () => {
  assert.equal(available(), 16 * GIB);
  group('slice', 'max', 5 * GIB);
  assert.equal(available(), 16 * GIB);
});

test('the tightest group above the process counts, what it uses taken off', () => {
  group('slice', String(12 * GIB), 4 * GIB);
  group('slice/job', 'max', GIB);
  assert.equal(available(), 8 * GIB);
  group('slice/job', String(3 * GIB), GIB);
  assert.equal(available(), 2 * GIB);
  group('slice/job', String(GIB), 2 * GIB);
  assert.equal(available(), 0);
});

test('groups of others do not count, nor a process that is gone', () => {
  group('other', String(GIB), 0);
  assert.equal(available(), 16 * GIB);
  group('slice', String(GIB), 0);
  rmSync(join(root, 'proc/7'), { recursive: true });
  assert.equal(available(), 16 * GIB);
});
