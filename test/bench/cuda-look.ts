/**
 * What a dump of processes without CUDA pays for the CUDA plugin on a host with a driver, in a program that has never looked before: its manifest is
 * compared with what the pre-flight meets anyway. Run as: PID ...
 */
import { join } from 'node:path';
import { Hooks } from '../../core/hooks.js';
import { readMaps } from '../../core/kernel/procfs/maps.js';
import { ProcReader } from '../../core/kernel/procfs/reader.js';
import { bundledPlugins } from '../../core/plugins/bundled.js';
import { waitingPlugin, WaitingPlugins } from '../../core/plugins/waiting.js';
import { seeFds, seeLink } from '../../core/resources/files/seen.js';
import { repository } from '../helpers/run-command.js';

const proc = new ProcReader();
// In the command a constant (config/bundle.mjs).
const cuda = bundledPlugins(repository).find(({ name }) => name === 'cuda');
if (!cuda) throw new Error('there is no manifest of the CUDA plugin');

/** Each mapped file once, as the pre-flight asks, and every descriptor. */
function filesOf(pids: readonly number[]) {
  const names = new Set<string>();
  return pids.flatMap((pid) => {
    const fresh = (readMaps(proc, pid) ?? []).filter(({ name }) => name.startsWith('/') && !names.has(name) && names.add(name));
    const mapped = fresh.map(({ start, end }) => seeLink(proc, pid, `map_files/${start.toString(16)}-${end.toString(16)}`, null));
    return [...mapped.filter((file) => file !== null), ...seeFds(proc, pid)];
  });
}

const files = filesOf(process.argv.slice(2).map(Number));
/** With what takes descriptors before a plugin is asked about them. */
function hooksOf(): Hooks {
  const hooks = new Hooks();
  hooks.claims.claimFile.tap({ name: 'stands for built-in kinds', stage: 0 }, () => ({}) as never);
  return hooks;
}

// What a dump without any plugin pays, too.
const plain = hooksOf();
for (const file of files) plain.claims.claimFile.call(file);
const hooks = hooksOf();
const begin = performance.now();
const waiting = new WaitingPlugins([waitingPlugin(cuda.manifest, join(repository, 'plugins/cuda'))], proc);
waiting.attach(hooks);
const started = performance.now();
for (const file of files) hooks.claims.claimFile.call(file);
const end = performance.now();
if (waiting.wanted) throw new Error('a process is taken for one with CUDA');
console.log(JSON.stringify({ startMs: started - begin, treeMs: end - started }));
