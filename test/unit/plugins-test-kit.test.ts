/** The test kit of the SDK: what it records, and that its sweep and golden files can fail. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { CrError } from '../../core/errors.js';
import { definePlugin, type PluginHost } from '../../plugins/sdk/index.js';
import { blameProblems, faultyPlugins, goldenDifferences, HostDouble } from '../../plugins/sdk/testing/index.js';

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
