/** Options, the record, the pre-flight and the manifest: what comes from outside, and what is said about it. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { readOptions } from '../../../core/plugins/option-values.js';
import { manifestProblems } from '../../../core/plugins/validate.js';
import { candidates, newcomers } from '../../../plugins/cuda/src/discover.js';
import { moduleVersion } from '../../../plugins/cuda/src/driver-module.js';
import { devicesOfModule } from '../../../plugins/cuda/src/module-devices.js';
import { readManifest } from '../../../plugins/cuda/src/manifest.js';
import { readCudaOptions } from '../../../plugins/cuda/src/options.js';
import { hostFindings } from '../../../plugins/cuda/src/host-findings.js';
import { hostMemoryFindings } from '../../../plugins/cuda/src/memory-findings.js';
import { checkRestore, driverFindings } from '../../../plugins/cuda/src/preflight.js';
import { makeRecord, readRecord } from '../../../plugins/cuda/src/record.js';
import { FakeBackend, uuid } from './fake-backend.js';

const GIB = 2 ** 30;
const options = (given: Record<string, unknown> = {}) => readCudaOptions(readOptions(readManifest().options ?? {}, given));

test('the manifest is right', () => {
  assert.deepEqual(manifestProblems(readManifest()), []);
  assert.equal(readManifest().name, 'cuda_plugin');
});

test('options: defaults, and what is wrong with others', () => {
  assert.deepEqual(options(), {
    backend: 'auto',
    lockTimeout: 60_000,
    deviceMap: 'auto',
    finalState: 'running',
    libcuda: undefined,
    tool: undefined,
    discover: 'look',
    parallel: 8,
  });
  assert.throws(() => options({ backend: 'magic' }), /backend must be auto, driver, tool/);
  assert.throws(() => options({ lockTimeout: 0 }), /lockTimeout must be a number from 1/);
  assert.throws(() => options({ lockTimeout: 1.5 }), /lockTimeout must be a whole number/);
  assert.throws(() => options({ libcuda: 'lib/libcuda.so.1' }), /option libcuda: "lib\/libcuda\.so\.1" is a relative path/);
  assert.throws(() => options({ deviceMap: 'x=y' }), /option deviceMap: "x" is no device/);
  assert.throws(() => options({ locktimeout: 5 }), /did you mean "lockTimeout"/);
});

test('the record comes back as it was written, and nothing else is believed', () => {
  const backend = new FakeBackend();
  const record = makeRecord(backend.info, backend.gpus, [{ pid: 7, initial: 'locked', movedBytes: 5 }]);
  const facts = JSON.parse(JSON.stringify(record)) as Record<string, unknown>;
  assert.deepEqual(readRecord(facts), record);
  assert.equal(readRecord({}), null);
  assert.equal(readRecord(undefined), null);
  assert.throws(() => readRecord({ ...facts, devices: [{ uuid: 'GPU-1', name: 'x', totalMemory: 1 }] }), /"GPU-1" is no UUID/);
  assert.throws(() => readRecord({ ...facts, tasks: [{ pid: -1, initial: 'running', movedBytes: null }] }), /is no pid/);
  assert.throws(() => readRecord({ ...facts, tasks: [{ pid: 1, initial: 'flying', movedBytes: null }] }), /"flying" is no state/);
  assert.throws(() => readRecord({ ...facts, devices: 'many' }), /devices is no list/);
  assert.throws(() => readRecord({ ...facts, cudaVersion: 'new' }), /the CUDA version is no size/);
});

test('restore: an older driver, a missing device and too little memory are refused before anything exists', async () => {
  const backend = new FakeBackend();
  const record = makeRecord(
    { ...backend.info, cudaVersion: 13_010 },
    [{ uuid: uuid(9), name: 'Other', totalMemory: GIB }],
    [{ pid: 7, initial: 'running', movedBytes: GIB }],
  );
  const { findings } = await checkRestore(backend, record, options());
  const refused = findings.filter(({ verdict }) => verdict === 'refused').map(({ text }) => text);
  assert.equal(refused.length, 2);
  assert.match(refused[0] ?? '', /made with CUDA 13\.1, the driver here is older: CUDA 13\.0/);
  assert.match(refused[1] ?? '', /no device here for GPU-.*09/);

  const large = makeRecord(backend.info, backend.gpus, [{ pid: 7, initial: 'running', movedBytes: 3 * GIB }]);
  const verdict = await checkRestore(backend, large, options());
  assert.match(verdict.findings[0]?.text ?? '', /needs 3\.0 GiB of device memory, the devices have 1\.0 GiB free/);
  assert.equal(verdict.findings[0]?.verdict, 'refused');
});

test('restore: another device of the model is taken, by a driver that can', async () => {
  const backend = new FakeBackend();
  const record = makeRecord(backend.info, [{ uuid: uuid(9), name: 'Fake A', totalMemory: GIB }], []);
  const verdict = await checkRestore(backend, record, options());
  assert.deepEqual(verdict.pairs, [[uuid(9), uuid(1)]]);
  assert.deepEqual(
    verdict.findings.map(({ verdict: how }) => how),
    ['note'],
    'NVML could not be asked',
  );
  const old = Object.assign(new FakeBackend(), { info: { ...backend.info, cudaVersion: 12_080, moduleVersion: '570.1' } });
  const { findings } = await checkRestore(old, { ...record, cudaVersion: 12_080, moduleVersion: '570.1' }, options());
  assert.match(findings[0]?.text ?? '', /this driver cannot move a process to other devices/);
});

test('restore of a set of CRIU: nothing is known, and nothing is refused', async () => {
  const { pairs, findings } = await checkRestore(new FakeBackend(), null, options());
  assert.deepEqual(pairs, []);
  assert.ok(findings.every(({ verdict }) => verdict === 'note'));
});

test('what a driver is too old for', () => {
  const texts = (cudaVersion: number | null, version: string | null) =>
    driverFindings({ kind: 'driver', cudaVersion, moduleVersion: version, path: 'x' })
      .map(({ text }) => text)
      .join('\n');
  assert.match(texts(12_080, '570.86.15'), /too old for restore on other devices.*r580/);
  assert.doesNotMatch(texts(13_000, '580.65.06'), /other devices \(option/);
  assert.match(texts(13_000, '580.65.06'), /too old for CUDA IPC.*r610/);
  assert.match(texts(null, '555.42'), /too old for processes that use NVML/);
});

test('host memory: a warning when device memory may not fit', () => {
  const devices = [{ uuid: uuid(1), name: 'A', totalMemory: 80 * GIB }];
  assert.deepEqual(hostMemoryFindings(devices, new Map([[uuid(1), 70 * GIB]]), 10 * GIB), []);
  assert.match(
    hostMemoryFindings(devices, new Map([[uuid(1), 60 * GIB]]), 10 * GIB)[0]?.text ?? '',
    /up to 20\.0 GiB .* the host has 10\.0 GiB/,
  );
});

test('what the kernel module tells in /proc, MIG and persistence', () => {
  const root = mkdtempSync(join(tmpdir(), 'cuda-proc-'));
  try {
    const proc = join(root, 'proc/driver/nvidia');
    mkdirSync(join(proc, 'gpus/0000:18:00.0'), { recursive: true });
    writeFileSync(
      join(proc, 'version'),
      'NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.65.06  Release Build\nGCC version: gcc 12\n',
    );
    writeFileSync(
      join(proc, 'gpus/0000:18:00.0/information'),
      `Model: \t\t NVIDIA H100\nIRQ:   \t\t 1\nGPU UUID: \t ${uuid(3)}\nDevice Minor: \t 0\n`,
    );
    assert.equal(moduleVersion(proc), '580.65.06');
    assert.deepEqual(devicesOfModule(proc), [{ uuid: uuid(3), name: 'NVIDIA H100', totalMemory: null }]);
    const before = JSON.stringify(hostFindings({ unseen: 'no library' }, root));
    assert.doesNotMatch(before, /divided by MIG/);
    assert.match(before, /NVML was not asked \(no library\): clients of MPS.*could not be looked at/);
    mkdirSync(join(proc, 'capabilities/gpu0/mig/gi1'), { recursive: true });
    assert.match(JSON.stringify(hostFindings({ unseen: 'no library' }, root)), /divided by MIG/);
    assert.equal(moduleVersion(join(root, 'nowhere')), null);
    assert.deepEqual(devicesOfModule(join(root, 'nowhere')), []);
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
});

test('a process without threads, or without the library, is not asked about', async () => {
  const plain = spawn('sleep', ['100'], { stdio: 'ignore' });
  try {
    const [first, thread] = [
      { pid: plain.pid ?? 0, threads: [1] },
      { pid: process.pid, threads: [1, 2] },
    ];
    const nobody = { pid: 4_194_303, threads: [1, 2] };
    const tree = { tasks: [first, thread, nobody, { pid: process.pid, threads: [1] }] };
    assert.deepEqual(candidates(tree, { discover: 'look' }), []);
    assert.deepEqual(
      candidates(tree, { discover: 'look', libcuda: '/x/libc.so.6' }),
      [process.pid],
      'a library of another name is looked for, too',
    );
    assert.deepEqual(candidates(tree, { discover: 'ask' }), [first.pid, process.pid, nobody.pid, process.pid]);
    assert.equal(newcomers(tree, { discover: 'ask' }), undefined, 'nobody has a device open');
  } finally {
    const ended = once(plain, 'exit');
    plain.kill('SIGKILL');
    await ended;
  }
});
