/** The test kit of the SDK: what it records, and that its sweep and golden files can fail. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { CrError } from '../../core/errors.js';
import { definePlugin, type PluginHost } from '../../plugins/sdk/index.js';
import { blameProblems, faultyPlugins, goldenDifferences, HostDouble, ModelKernel } from '../../plugins/sdk/testing/index.js';

const SEEN = {
  pid: 10,
  fd: 3,
  type: 'socket',
  link: 'socket:[5]',
  major: 0,
  minor: 0,
  inode: 5n,
  proc: '/proc/10/fd/3',
  frozen: true,
} as const;
const SAVED = { ...SEEN, id: 4, flags: 2, pos: 0n, local: 9 };
const TREE = { root: 10, tasks: [] };

const plugin = (more: (host: PluginHost) => void = () => undefined) =>
  definePlugin({
    name: 'kit_plugin',
    version: '1.0.0',
    api: '^1.0.0',
    image: { writes: '1.0.0', reads: '^1.0.0' },
    hooks: { 'dump.claimFile': 'claim', 'dump.saveFile': 'owner', 'dump.pauseDevices': 'broadcast', 'dump.resumeDevices': 'broadcast' },
    options: { depth: { type: 'number', doc: 'how deep', default: 1 } },
    apply(host) {
      host.on('dump.claimFile', ({ link }) => (link.startsWith('socket') ? { what: 'mine' } : undefined));
      host.on('dump.saveFile', ({ id }) => host.images.write(`kit_plugin-${id}`, String(host.options['depth'])));
      host.on('dump.pauseDevices', () => [{ pid: 10, what: 'a queue' }]);
      more(host);
    },
  });

test('calls, answers, files, lines and notes are recorded', async () => {
  const ends: string[] = [];
  const host = new HostDouble(
    plugin(({ onClose, onFailure, log }) => {
      log.warn('hello');
      onFailure(() => void ends.push('failure'));
      onClose(() => void ends.push('close'));
    }),
    'dump',
    { options: { depth: 3 } },
  );
  assert.deepEqual(host.tapped, ['dump.claimFile', 'dump.pauseDevices', 'dump.saveFile']);
  assert.equal(await host.call('dump.claimFile', { ...SEEN, link: '/dev/null' }), undefined);
  await host.call('dump.claimFile', SEEN);
  assert.equal(host.record(), null);
  await host.call('dump.saveFile', SAVED);
  await host.call('dump.pauseDevices', TREE);
  assert.deepEqual(
    host.trace.map(({ hook, answer }) => [hook, answer]),
    [
      ['dump.claimFile', undefined],
      ['dump.claimFile', { what: 'mine' }],
      ['dump.saveFile', undefined],
      ['dump.pauseDevices', [{ pid: 10, what: 'a queue' }]],
    ],
  );
  assert.equal(Buffer.from(host.images.get('kit_plugin-4')!).toString(), '3');
  assert.deepEqual(host.record()?.hooks, ['dump.pauseDevices']);
  assert.deepEqual(host.log, ['warn kit_plugin: hello']);
  await host.fail();
  await host.close();
  assert.deepEqual(ends, ['failure', 'close']);
});

test('the sweep breaks each hook in each way, and the host double blames it', async () => {
  const variants = faultyPlugins(plugin(), 'dump');
  assert.deepEqual(
    variants.map(({ hook, fault }) => `${hook} ${fault}`),
    [
      'dump.claimFile throws',
      'dump.claimFile garbage',
      'dump.saveFile throws',
      'dump.saveFile hangs',
      'dump.pauseDevices throws',
      'dump.pauseDevices hangs',
      'dump.pauseDevices garbage',
      'dump.resumeDevices throws',
      'dump.resumeDevices hangs',
    ],
  );
  for (const variant of variants.filter(({ hook }) => hook === 'dump.pauseDevices' || hook === 'dump.saveFile')) {
    const host = new HostDouble(variant.plugin, 'dump');
    const error: unknown = await host
      .call(variant.hook, (variant.hook === 'dump.saveFile' ? SAVED : TREE) as never)
      .catch((e: unknown) => e);
    assert.deepEqual(blameProblems(variant, error), []);
    assert.equal(host.trace[0]?.error, error);
  }
  assert.equal(blameProblems(variants[0]!, undefined).length, 1);
  assert.equal(blameProblems(variants[0]!, new CrError('CR_KERNEL', { message: 'x', target: 'frozen' })).length, 4);
});

test('golden files notice what changed', () => {
  const folder = mkdtempSync(join(tmpdir(), 'criu-ts-golden-'));
  const images = new Map([['a', Buffer.from('abc')]]);
  assert.match(goldenDifferences(images, folder)[0]!, /^a: is new/);
  process.env['UPDATE_GOLDEN'] = '1';
  assert.deepEqual(goldenDifferences(images, folder), []);
  delete process.env['UPDATE_GOLDEN'];
  assert.deepEqual(goldenDifferences(images, folder), []);
  assert.match(goldenDifferences(new Map([['a', Buffer.from('abd')]]), folder)[0]!, /differs at byte 2/);
  assert.match(goldenDifferences(new Map(), folder)[0]!, /was written once/);
  rmSync(folder, { recursive: true });
});

test('the model kernel runs programs of a plugin, answers and fails as the test says, and its text is the same every time', async () => {
  const kernel = new ModelKernel({
    socket: () => 7,
    connect: ({ args, bytes }) => (bytes(args[1]!, 4).toString('latin1') === '\x01\0/x' ? 0 : 'ECONNREFUSED'),
    getpeername: ({ args, bytes }) => (bytes(args[1]!, 2).writeUInt16LE(1), 0),
  });
  const connect = (path: string) =>
    kernel.run('connect', (p) => {
      const fd = p.sys.socket(1, 1, 0).must('make a socket');
      p.sys.connect(fd, p.data(Buffer.from(`\x01\0${path}`, 'latin1')), 4).must(`connect to ${path}`);
      const name = p.out(2);
      p.sys.getpeername(fd, name, 0).must('ask who it is');
      return { fd, name };
    });
  const { fd, name } = await connect('/x');
  assert.equal(fd.result, 7);
  assert.equal(name.u16(), 1);
  assert.deepEqual(
    kernel.calls.map((call) => [call.name, call.args[0], call.answer]),
    [
      ['socket', 1n, 7],
      ['connect', 7n, 0],
      ['getpeername', 7n, 0],
    ],
  );
  assert.match(kernel.programs[0]!, /^connect\n {3}0 {2}socket\(1, 1\) must = 7\n {3}1 {2}connect\(r0, 0x7f0000000000, 4\) must = 0\n/);
  await assert.rejects(
    connect('/y'),
    (error: unknown) => error instanceof CrError && /cannot connect to \/y/.test(error.message) && error.kernel?.errno === 'ECONNREFUSED',
  );
  await assert.rejects(
    kernel.run('other', (p) => p.sys.getpid().ignore('cannot fail')),
    /program other calls getpid; the test's kernel knows socket, connect, getpeername/,
  );
});
