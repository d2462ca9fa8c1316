/** What NVML tells, where it is there: memory by process and device, MIG, MPS, persistence. Over the fake library. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import type { DeviceLook, DevicesLook } from '../../../plugins/cuda/src/backend.js';
import { examine } from '../../../plugins/cuda/src/doctor.js';
import { hostFindings, treeFindings } from '../../../plugins/cuda/src/host-findings.js';
import { roomFindings } from '../../../plugins/cuda/src/memory-findings.js';
import { readCudaOptions } from '../../../plugins/cuda/src/options.js';
import { makeRecord, readRecord } from '../../../plugins/cuda/src/record.js';
import { buildMock } from '../../../plugins/cuda/test/mock/build.js';
import { FakeGpus, MIB, uuidOf } from '../../../plugins/cuda/test/mock/gpus.js';
import { CudaTarget } from '../../../plugins/cuda/test/mock/target.js';
import { ours } from '../../helpers/tools.js';
import { FakeBackend } from './fake-backend.js';
import { mockLibrary, mockWords, stateOf } from './mock-command.js';
import { driverOf } from './mock-host.js';

let gpus: FakeGpus;

/** Surroundings in which the fake NVML is found, too. */
async function withNvml(): Promise<Record<string, string>> {
  const environment = await gpus.environment();
  return { ...environment, LD_LIBRARY_PATH: `${(await buildMock()).nvml}:${environment['LD_LIBRARY_PATH']}` };
}

beforeEach(async () => {
  gpus = await FakeGpus.start([{ uuid: uuidOf(1) }, { uuid: uuidOf(2) }]);
});
afterEach(async () => {
  await gpus.close();
});

async function look(environment: Readonly<Record<string, string>>): Promise<DevicesLook> {
  Object.assign(process.env, environment);
  const backend = await driverOf(13_000);
  try {
    return await backend.look();
  } finally {
    await backend.close(true);
  }
}

function seen(answer: DevicesLook): readonly DeviceLook[] {
  assert.ok('devices' in answer, JSON.stringify(answer));
  return answer.devices;
}

test('free memory, users, modes and clients of MPS are told for each device', async () => {
  const target = await CudaTarget.start(gpus, 'device', { arguments: [4, 64, 0, 2] });
  try {
    await gpus.command('mig 1 1');
    await gpus.command(`mps 1 ${target.pid}`);
    await gpus.command('persistence-on');
    const [first, second] = seen(await look(await withNvml()));
    const { devices } = await gpus.stats();
    for (const [i, device] of [first, second].entries()) {
      const used = devices[i]?.used ?? 0;
      assert.ok(used > 0);
      assert.deepEqual(device?.processes, [{ pid: target.pid, bytes: used }]);
      assert.equal(device.freeMemory, 256 * MIB - used);
      assert.equal(device.persistence, true);
    }
    assert.deepEqual([first?.mig, second?.mig], [false, true]);
    assert.deepEqual([first?.mpsClients, second?.mpsClients], [[], [target.pid]]);
  } finally {
    await target.close();
  }
});

test('a device without MIG, a driver that is not loaded, and a host without the library are told apart', async () => {
  await gpus.command('mig 0 2');
  assert.deepEqual(
    seen(await look(await withNvml())).map(({ mig }) => mig),
    [null, false],
  );
  assert.match(JSON.stringify(await look(await gpus.environment())), /unseen.*libnvidia-ml\.so\.1: cannot open shared object file/);
  const nvml = await withNvml();
  Object.assign(process.env, nvml);
  const backend = await driverOf(13_000);
  await gpus.halt();
  assert.deepEqual(await backend.look(), { unseen: 'nvmlInit answered 9: Driver Not Loaded' });
  await backend.close(true);
});

const device = (n: number, more: Partial<DeviceLook> = {}): DeviceLook => ({
  uuid: uuidOf(n),
  freeMemory: MIB,
  mig: false,
  persistence: true,
  processes: [],
  mpsClients: [],
  ...more,
});

test('MIG and MPS are warned of by device and by process of the tree', () => {
  const devices = [
    device(1, { mig: true, processes: [{ pid: 7, bytes: 1 }] }),
    device(2, { mpsClients: [8, 9] }),
    device(3, { persistence: null }),
  ];
  assert.deepEqual(
    treeFindings({ devices }, [7, 8]).map(({ text }) => text),
    [
      `pid 7 uses ${uuidOf(1)}, which is divided by MIG: it cannot be checkpointed there`,
      `pid 8 uses ${uuidOf(2)} through MPS: it cannot be checkpointed`,
    ],
  );
  const texts = hostFindings({ devices }, '/nowhere')
    .map(({ text }) => text)
    .join('\n');
  assert.match(texts, new RegExp(`${uuidOf(1)} is divided by MIG`));
  assert.match(texts, /pid 9 uses .* through MPS/);
  assert.match(texts, new RegExp(`${uuidOf(3)}: persistence mode could not be looked at`));
});

test('room is compared device by device, over the map; without the parts only the sum', () => {
  const info = new FakeBackend().info;
  const both = [1, 2].map((n) => ({ uuid: uuidOf(n), name: 'A', totalMemory: 10 * MIB }));
  const part = { [uuidOf(1)]: 6 * MIB, [uuidOf(2)]: MIB };
  const task = { pid: 7, initial: 'running', movedBytes: 7 * MIB } as const;
  const free = new Map([
    [uuidOf(1), 5 * MIB],
    [uuidOf(2), 10 * MIB],
  ]);
  const verdicts = (record: ReturnType<typeof makeRecord>, pairs: [string, string][] = []) =>
    roomFindings(record, pairs, free).map(({ verdict, text }) => `${verdict} ${text}`);
  const parted = makeRecord(info, both, [{ ...task, deviceBytes: part }]);
  assert.match(verdicts(parted).join(), new RegExp(`^refused the checkpoint needs .* on ${uuidOf(1)}, which has`));
  const swap: [string, string][] = [
    [uuidOf(1), uuidOf(2)],
    [uuidOf(2), uuidOf(1)],
  ];
  assert.deepEqual(verdicts(parted, swap), []);
  assert.match(verdicts(makeRecord(info, both, [task])).join(), /^note .*only the sum was compared$/);
  assert.match(verdicts(makeRecord(info, [], [task])).join(), /^note the devices of the checkpoint were not recorded/);
  free.delete(uuidOf(1));
  assert.match(verdicts(parted).join(), new RegExp(`^note free memory of ${uuidOf(1)} could not be looked at$`));
});

test('the record keeps the parts, and takes no nonsense for them', () => {
  const facts = makeRecord(new FakeBackend().info, [], [{ pid: 7, initial: 'running', movedBytes: 1, deviceBytes: { [uuidOf(1)]: 5 } }]);
  const read = (deviceBytes: unknown) => readRecord({ ...facts, tasks: [{ ...facts.tasks[0], deviceBytes }] });
  assert.deepEqual(readRecord(JSON.parse(JSON.stringify(facts)) as Record<string, unknown>), facts);
  assert.throws(() => read({ x: 5 }), /"x" is no UUID/);
  assert.throws(() => read({ [uuidOf(1)]: -5 }), /is no size/);
});

test('a restore is refused by the one device that is too full, and says nothing of the others', async () => {
  const target = await CudaTarget.start(gpus, 'device', { arguments: [4, 64, 0, 2] });
  try {
    const words = await mockWords(target, gpus);
    Object.assign(target.subject.env, await withNvml());
    const hash = await target.hash();
    assert.equal((await target.subject.dump(ours, words)).status, 0);
    const text = readFileSync(join(target.subject.images, 'plugins.json'), 'utf8');
    const { plugins } = JSON.parse(text) as { plugins: { facts: { tasks: { deviceBytes: Record<string, number> }[] } }[] };
    const bytes = plugins[0]?.facts.tasks[0]?.deviceBytes ?? {};
    assert.deepEqual(Object.keys(bytes), [uuidOf(1), uuidOf(2)]);
    // Together they have room; the second has none.
    await gpus.command(`memory 1 ${(bytes[uuidOf(2)] ?? 0) - 1}`);
    await assert.rejects(
      target.subject.restore(ours, words),
      new RegExp(`the checkpoint needs .* on ${uuidOf(2)}, which has [^]*target: not started`),
    );
    await gpus.command(`memory 1 ${bytes[uuidOf(2)]}`);
    assert.equal((await target.subject.restore(ours, words)).status, 0);
    assert.equal(await stateOf(gpus, target.pid), 'running');
    assert.equal(await target.hash(), hash);
    await target.finish();
  } finally {
    await target.close();
  }
});

test('doctor tells what NVML says, or that it could not be asked', async () => {
  const options = readCudaOptions({
    backend: 'driver',
    lockTimeout: 1000,
    deviceMap: 'auto',
    finalState: 'running',
    libcuda: await mockLibrary(),
    discover: 'look',
    parallel: 1,
  });
  await gpus.command('mig 0 1');
  const texts = async (environment: Readonly<Record<string, string>>) => {
    Object.assign(process.env, environment);
    return (await examine(options)).map(({ text }) => text).join('\n');
  };
  assert.match(await texts(await withNvml()), new RegExp(`${uuidOf(1)} is divided by MIG[^]*persistence mode is off`));
  assert.match(await texts(await gpus.environment()), /NVML was not asked \(libnvidia-ml/);
});
