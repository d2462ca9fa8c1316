/** Every hook of a plugin that taps all of them, broken in every way, in real dumps and restores: the plugin is blamed, and the tree is what it was. */
import assert from 'node:assert/strict';
import { existsSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { definePlugin, type HookName, type PluginDefinition } from '../../plugins/sdk/index.js';
import { faultyPlugins, sweepProblems, type Victim } from '../../plugins/sdk/testing/index.js';
import { HOOK_NAMES, PLUGIN_HOOKS } from '../../core/plugins/hook-table.js';
import { BASE, deviceCase } from '../helpers/device-case.js';

const its = deviceCase();
const BLOCK = '/dev/loop0';
const MAPS = `
import mmap, os, sys, time
fd = os.open('${BLOCK}', os.O_RDONLY)
one = mmap.mmap(fd, 4096, mmap.MAP_SHARED, mmap.PROT_READ)
open(sys.argv[1], 'w').close()
time.sleep(1000)
`;

function mapping(): Promise<Victim> {
  const mark = join(its.folder, 'ready');
  return its.start('python3', ['-c', MAPS, mark], () => existsSync(mark));
}

/** Takes a mapped block device and taps whatever there is. */
function tapsAll(): PluginDefinition {
  return definePlugin({
    ...BASE,
    name: 'all_plugin',
    claims: { paths: [BLOCK] },
    hooks: Object.fromEntries(HOOK_NAMES.map((name) => [name, PLUGIN_HOOKS[name].kind])),
    apply(host) {
      const answers: { readonly [N in HookName]?: Parameters<typeof host.on<N>>[1] } = {
        'dump.claimFile': ({ type }) => (type === 'block device' ? { what: BLOCK } : undefined),
        'dump.claimMapping': () => ({ what: BLOCK }),
        'dump.pauseDevices': ({ root }) => [{ pid: root, what: 'work' }],
        'dump.options': (plan) => plan,
        'restore.options': (plan) => plan,
        'restore.openFile': () => ({ fd: openSync(BLOCK, 'r') }),
      };
      for (const name of HOOK_NAMES) host.on(name, (answers[name] ?? (() => undefined)) as never);
    },
  });
}

test('of a dump', async () => {
  const victim = await mapping();
  const plugin = tapsAll();
  assert.ok(faultyPlugins(plugin, 'dump').length >= 18);
  assert.deepEqual(await sweepProblems(victim, plugin, 'dump'), []);
  await victim.dump({ plugins: [plugin] });
});

test('of a restore', async () => {
  const victim = await mapping();
  const plugin = tapsAll();
  await victim.dump({ plugins: [plugin] });
  assert.ok(faultyPlugins(plugin, 'restore').length >= 14);
  assert.deepEqual(await sweepProblems(victim, plugin, 'restore'), []);
  await victim.restore({ plugins: [plugin] });
});
