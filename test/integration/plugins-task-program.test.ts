/** Native code of a plugin that runs inside the restored process: built by the SDK's CMake package, run by SeedTask.runNative(). */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { NativeRun, SeedTask } from '../../plugins/sdk/index.js';
import { until } from '../../plugins/sdk/testing/victim.js';
import { deviceCase, failure, isGone, plainPlugin } from '../helpers/device-case.js';
import { repository } from '../helpers/run-command.js';

const its = deviceCase();
let built: string;

function cmake(folder: string, ...options: readonly string[]): { status: number | null; text: string } {
  const source = join(repository, 'test/fixtures/task-programs');
  const run = (args: readonly string[]) => spawnSync('cmake', args, { encoding: 'utf8', timeout: 60_000 });
  const configured = run(['-S', source, '-B', folder, ...options]);
  const done = configured.status === 0 ? run(['--build', folder]) : configured;
  return { status: done.status, text: `${done.stdout}${done.stderr}` };
}

before(() => {
  built = mkdtempSync(join(tmpdir(), 'criu-ts-task-programs-'));
  const { status, text } = cmake(join(built, 'good'));
  assert.equal(status, 0, text);
});
after(() => rmSync(built, { recursive: true }));

const program = (name: string) => readFileSync(join(built, 'good', `${name}.task`));

/** Keeps a page sealed and says all the time whether it still is. */
const SEALED = `
import ctypes, mmap, os, struct, sys, time
page = mmap.mmap(-1, 4096, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
def checksum():
    h = 14695981039346656037
    for b in page[8:]:
        h = ((h ^ b) * 1099511628211) & 0xffffffffffffffff
    return h
page[16:] = os.urandom(4080)
page[8:16] = struct.pack('Q', 1)
page[0:8] = struct.pack('Q', checksum())
address = ctypes.addressof(ctypes.c_char.from_buffer(page))
while True:
    whole = struct.unpack('Q', page[0:8])[0] == checksum()
    with open(sys.argv[1] + '.new', 'w') as f:
        f.write('%d %d %s' % (address, struct.unpack('Q', page[8:16])[0], whole))
    os.rename(sys.argv[1] + '.new', sys.argv[1])
    time.sleep(0.02)
`;

async function sealed() {
  const file = join(built, `state-${Math.random()}`);
  const victim = await its.start('python3', ['-c', SEALED, file], () => existsSync(file));
  const state = () => readFileSync(file, 'utf8').split(' ');
  return { victim, address: Number(state()[0]), state: () => state().slice(1).join(' ') };
}

/** A plugin that every checkpoint needs, and that does this in the root when it is restored. */
const inside = (work: (task: SeedTask) => Promise<unknown>, deadlineMs = 20_000) =>
  plainPlugin(
    'seal_plugin',
    { 'dump.pauseDevices': 'broadcast', 'restore.postForking': 'broadcast' },
    (host) => {
      host.on('dump.pauseDevices', ({ root }) => [{ pid: root, what: 'a sealed page' }]);
      host.on('restore.postForking', async ({ tasks }) => void (await work(tasks[0]!)));
    },
    { deadlines: { 'restore.postForking': deadlineMs } },
  );

const signals = (pid: number) => /SigPnd:[^]*SigCgt:\s+\w+/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[0];

test('it runs in the process, on its memory, and nothing of it stays', async () => {
  const { victim, address, state } = await sealed();
  await until('the seal', () => state() === '1 True');
  const before = signals(victim.pid);
  let run: NativeRun | null = null;
  const plugin = inside(async (task) => {
    const input = Buffer.alloc(16);
    input.writeBigUInt64LE(BigInt(address));
    input.writeBigUInt64LE(2n, 8);
    run = await task.runNative(program('seal'), { input, outputBytes: 24 });
  });
  await victim.dump({ plugins: [plugin] });
  await victim.restore({ plugins: [plugin] });
  const { result, output } = run as unknown as NativeRun;
  const word = (index: number) => Number(Buffer.from(output).readBigUInt64LE(8 * index));
  assert.deepEqual([result, word(0), word(1)], [7, 1, victim.pid]);
  await until('the new seal', () => state() === '2 True');
  const here = word(2);
  const maps = readFileSync(`/proc/${victim.pid}/maps`, 'utf8').trim().split('\n');
  const ranges = maps.map((line) => line.split(/[- ]/, 2).map((hex) => parseInt(hex, 16)) as [number, number]);
  assert.ok(here > 0 && !ranges.some(([start, end]) => start <= here && here < end), 'its mapping is gone');
  assert.equal(signals(victim.pid), before);
});

for (const [name, deadlineMs, message] of [
  ['crash', 20_000, /seal_plugin 1\.0\.0 in restore\.postForking: .*pid \d+.* ended in its task program: that crashed/],
  ['hang', 700, /seal_plugin 1\.0\.0 in restore\.postForking did not answer within 700 ms/],
] as const)
  test(`a program that does this fails the restore, and nothing is left: ${name}`, async () => {
    const { victim } = await sealed();
    const plugin = inside((task) => task.runNative(program(name)), deadlineMs);
    await victim.dump({ plugins: [plugin] });
    const error = await failure(victim.restore({ plugins: [plugin] }));
    assert.equal(error.code, 'CR_PLUGIN');
    assert.match(error.message, message);
    assert.equal(error.target, 'destroyed');
    assert.ok(isGone(victim.pid));
  });

test('what is no program for this process is refused with the reason', async () => {
  const { victim } = await sealed();
  const changed = (at: number, value: number) => {
    const bytes = Buffer.from(program('seal'));
    bytes.writeUInt32LE(value, at);
    return bytes;
  };
  const reasons: string[] = [];
  const plugin = inside(async (task) => {
    const attempts = [
      task.runNative(Buffer.from('no program at all, and longer than a header')),
      task.runNative(changed(8, 9)),
      task.runNative(changed(12, 183)),
      task.runNative(changed(16, 1 << 30)),
      task.runNative(changed(20, 1 << 30)),
      task.runNative(program('seal'), { outputBytes: 1 << 30 }),
      task.runNative(program('seal'), { input: new Uint8Array((1 << 20) + 1) }),
    ];
    for (const attempt of attempts) reasons.push(await attempt.then(String, (error: unknown) => (error as Error).message));
  });
  await victim.dump({ plugins: [plugin] });
  await victim.restore({ plugins: [plugin] });
  const wanted = [
    /is no task program/,
    /is a task program of ABI 9, this criu-ts has 1/,
    /is a task program for machine 183; this process is x64/,
    /bytes and says 1073741824/,
    /has its entry at 1073741824, outside of itself/,
    /output of 1073741824 bytes/,
    /input of 1048577 bytes/,
  ];
  assert.equal(reasons.length, wanted.length);
  wanted.forEach((pattern, i) => assert.match(reasons[i]!, pattern));
});

test('a source with data that is written does not build, and the message says what to do', () => {
  const { status, text } = cmake(join(built, 'bad'), '-DWITH_DATA=1');
  assert.notEqual(status, 0);
  assert.match(text, /a task program must have no data that is written or relocated: keep it in the call's output/);
});
