/** For tests of plugins: a process with a device that nothing built in dumps, and plugins that take it. */
import assert from 'node:assert/strict';
import { openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach } from 'node:test';
import { CrError } from '../../core/index.js';
import { ImageReader } from '../../core/images/reader.js';
import { readStat } from '../../core/kernel/procfs/stat.js';
import { ProcReader } from '../../core/kernel/procfs/reader.js';
import { definePlugin, type PluginDefinition, type PluginHost } from '../../plugins/sdk/index.js';
import { Victim } from '../../plugins/sdk/testing/index.js';

export const DEVICE = '/dev/fuse';
const DEVICE_MAJOR = 10;
export const FD = 7;

/** What one test works with. */
export interface DeviceCase {
  /** A process that holds the device as descriptor FD. */
  readonly target: Victim;
  /** Images of the target, and whatever else the test writes. */
  readonly folder: string;
  /** Starts another process, which is ready when it sleeps, or when `ready` says so. */
  start(command: string, args: readonly string[], ready?: (pid: number) => boolean): Promise<Victim>;
}

/** Starts the target before each test of the file; ends everything that was started after it. */
export function deviceCase(): DeviceCase {
  const started: Victim[] = [];
  const start: DeviceCase['start'] = async (command, args, ready = isSleep) => {
    const victim = await Victim.start({ command, args, ready });
    started.push(victim);
    return victim;
  };
  let target: Victim | null = null;
  beforeEach(async () => {
    target = await start('/bin/bash', ['-c', `exec ${FD}<>${DEVICE}; exec sleep 1000`]);
  });
  afterEach(() => {
    for (const victim of started.splice(0)) victim.close();
  });
  return {
    start,
    get target() {
      return target!;
    },
    get folder() {
      return target!.imagesDir;
    },
  };
}

/** The process has become sleep(1). */
function isSleep(pid: number): boolean {
  return readFileSync(`/proc/${pid}/comm`, 'utf8').startsWith('sleep');
}

/** What every plugin of these tests says of itself. */
export const BASE = { version: '1.0.0', api: '^1.0.0', image: { writes: '1.0.0', reads: '^1.0.0' } } as const;

export type Parts = Partial<Omit<PluginDefinition, 'apply'>>;

/** A plugin without objects, with these hooks. */
export function plainPlugin(
  name: string,
  hooks: PluginDefinition['hooks'],
  apply: (host: PluginHost) => void,
  parts: Parts = {},
): PluginDefinition {
  return definePlugin({ ...BASE, name, hooks, ...parts, apply });
}

/** A plugin for the device, which notes what it is asked. */
export function devicePlugin(calls: string[], more: (host: PluginHost) => void = () => undefined, parts: Parts = {}): PluginDefinition {
  return definePlugin({
    ...BASE,
    name: 'device_plugin',
    version: '1.2.3',
    claims: { charMajors: [DEVICE_MAJOR] },
    hooks: {
      'dump.claimFile': 'claim',
      'dump.saveFile': 'owner',
      'dump.pauseDevices': 'broadcast',
      'dump.checkpointDevices': 'broadcast',
      'dump.resumeDevices': 'broadcast',
      'restore.openFile': 'owner',
      'restore.resumeDevices': 'broadcast',
      'dump.freeze:before': 'stage',
    },
    ...parts,
    apply(host) {
      host.on('dump.claimFile', () => ({ what: DEVICE }));
      host.on('dump.saveFile', ({ id, fd, link }) => {
        calls.push(`save ${fd} ${link}`);
        host.images.write('device_plugin-files.json', JSON.stringify({ id, link }));
      });
      host.on('restore.openFile', ({ id, flags }) => {
        const saved = JSON.parse(Buffer.from(host.images.read('device_plugin-files.json')).toString()) as { id: number; link: string };
        assert.equal(saved.id, id);
        calls.push('open');
        return { fd: openSync(saved.link, flags & 3) };
      });
      more(host);
    },
  });
}

export const stateOf = (pid: number) => readStat(new ProcReader(), pid)?.state;
/** It runs: asleep, or just on its way there. */
export const runs = (pid: number) => ['R', 'S'].includes(stateOf(pid) ?? '');
export const isGone = (pid: number) => [undefined, 'Z', 'X'].includes(stateOf(pid));

export function inventoryNames(folder: string): readonly string[] | undefined {
  return new ImageReader(folder).readOne('inventory').plugins_entry?.plugins;
}

/** What is in plugins.json. */
export function records(
  folder: string,
): { name: string; version: string; facts: unknown; objects: { fd?: number; address?: number; hook: string }[] }[] {
  const file = JSON.parse(readFileSync(join(folder, 'plugins.json'), 'utf8')) as { plugins: ReturnType<typeof records> };
  return file.plugins;
}

/** The error of what must fail. */
export const failure = (work: Promise<unknown>): Promise<CrError> =>
  work.then(
    () => assert.fail('succeeded'),
    (error: unknown) => {
      assert.ok(error instanceof CrError, String(error));
      return error;
    },
  );
