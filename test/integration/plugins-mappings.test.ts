/** Mappings of devices that plugins claim. */
import assert from 'node:assert/strict';
import { existsSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { definePlugin, type PluginDefinition, type PluginHost } from '../../plugins/sdk/index.js';
import type { Victim } from '../../plugins/sdk/testing/index.js';
import { deviceCase, failure, runs } from '../helpers/device-case.js';

const its = deviceCase();

const BLOCK = '/dev/loop0';
const BLOCK_MAJOR = 7;
const MAPS = `
import mmap, os, sys, time
fd = os.open('${BLOCK}', os.O_RDONLY)
one = mmap.mmap(fd, 4096, mmap.MAP_SHARED, mmap.PROT_READ)
two = mmap.mmap(fd, 8192, mmap.MAP_SHARED, mmap.PROT_READ, offset=4096)
open(sys.argv[1], 'w').close()
time.sleep(1000)
`;

/** A process that maps the device twice. */
function mapping(): Promise<Victim> {
  const mark = join(its.folder, 'ready');
  return its.start('python3', ['-c', MAPS, mark], () => existsSync(mark));
}

/** Offsets of what a process maps of the device. */
function offsetsOf(pid: number): number[] {
  const lines = readFileSync(`/proc/${pid}/maps`, 'utf8').split('\n');
  return lines.filter((line) => line.endsWith(BLOCK)).map((line) => parseInt(line.split(/\s+/)[2]!, 16));
}

/** Claims the block device, its descriptors and its mappings. */
function blockPlugin(
  more: (host: PluginHost) => void,
  filter: PluginDefinition['claims'] = { blockMajors: [BLOCK_MAJOR] },
): PluginDefinition {
  return definePlugin({
    name: 'block_plugin',
    version: '1.0.0',
    api: '^1.0.0',
    image: { writes: '1.0.0', reads: '^1.0.0' },
    claims: filter,
    hooks: {
      'dump.claimFile': 'claim',
      'dump.claimMapping': 'claim',
      'dump.saveFile': 'owner',
      'restore.openFile': 'owner',
      'restore.mapDevice': 'owner',
    },
    apply(host) {
      host.on('dump.claimFile', ({ type }) => (type === 'block device' ? { what: BLOCK } : undefined));
      host.on('dump.claimMapping', ({ shared }) => (shared ? { what: BLOCK } : undefined));
      host.on('restore.openFile', () => ({ fd: openSync(BLOCK, 'r') }));
      more(host);
    },
  });
}

test('mappings of a device are claimed, recorded by address, and lead where the plugin says', async () => {
  const victim = await mapping();
  const refused = await failure(victim.dump({}));
  assert.match(refused.message, new RegExp(`mapping [0-9a-f-]+ is the device ${BLOCK}`));
  const asked: { offset: number; path: string }[] = [];
  const plugin = blockPlugin((host) =>
    host.on('restore.mapDevice', ({ offset, path }) => {
      asked.push({ offset, path });
      return offset === 0 ? { offset: 65_536 } : offset === 4096 ? { fd: openSync(BLOCK, 'r') } : undefined;
    }),
  );
  await victim.dump({ plugins: [plugin] });
  const record = JSON.parse(readFileSync(join(victim.imagesDir, 'plugins.json'), 'utf8')) as {
    plugins: { objects: { address?: number; hook: string }[] }[];
  };
  const mapped = record.plugins[0]!.objects.filter(({ hook }) => hook === 'dump.claimMapping');
  assert.equal(mapped.length, 2);
  await victim.restore({ plugins: [plugin] });
  assert.deepEqual(asked.map(({ offset }) => offset).sort(), [0, 4096]);
  assert.ok(asked.every(({ path }) => path.includes(BLOCK)));
  assert.deepEqual(
    offsetsOf(victim.pid).sort((a, b) => a - b),
    [4096, 65_536],
  );
});

test('a mapping that should have gone and has not is told by its address', async () => {
  const victim = await mapping();
  const plugin = definePlugin({
    name: 'gone_plugin',
    version: '1.0.0',
    api: '^1.0.0',
    image: { writes: '1.0.0', reads: '^1.0.0' },
    claims: { blockMajors: [BLOCK_MAJOR], paths: [BLOCK] },
    hooks: { 'dump.claimFile': 'claim', 'dump.claimMapping': 'claim', 'dump.saveFile': 'owner' },
    apply(host) {
      host.on('dump.claimFile', () => ({ what: BLOCK }));
      host.on('dump.claimMapping', () => ({ what: 'memory of a queue', goneOr: 'the queue was not drained' }));
    },
  });
  const error = await failure(victim.dump({ plugins: [plugin] }));
  assert.match(error.message, /is memory of a queue \(\/dev\/loop0\), and still mapped after plugin gone_plugin/);
  assert.equal(error.subject.pid, victim.pid);
  assert.ok(Number(error.subject.addr) > 0);
  assert.ok(runs(victim.pid));
});
