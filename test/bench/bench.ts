/**
 * Our command and the peer's in turn, on the same victims.
 *   npm run bench -- [--peer 4.2.1] [--only '2 GiB,5000 threads'] [--rounds N] [--output FILE]
 * Prints medians and our part of the peer's time (below 1 is faster), and writes every single number to FILE (default test/.work/bench.json).
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, freemem, release } from 'node:os';
import { dirname, join } from 'node:path';
import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';
import { peers, type Peer } from '../helpers/peers.js';
import { repository } from '../helpers/run-command.js';
import { ours, toolOf, type Tool } from '../helpers/tools.js';
import { LOADS, scenarioOfLoad, type Load } from './load.js';
import { measure, measureCudaLook, measureMemory, type CudaLook, type Peak, type Round } from './measure.js';
import { measurePlugins, pluginLines } from './plugins.js';

interface Result {
  readonly tool: string;
  readonly rounds: Round[];
  peak?: Peak;
}

interface LoadResult {
  readonly load: Load;
  readonly ours: Result;
  readonly peer: Result;
  /** What our dump pays for the CUDA plugin, which finds nothing to do. */
  readonly cudaLook: readonly CudaLook[];
}

const TIMES = ['dumpMs', 'frozenMs', 'restoreMs'] as const;
/** Short runs, of which other work on the machine makes some much longer. */
const PLUGIN_ROUNDS = 21;
const GIB = 1024 ** 3;

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Memory that a virtual machine has never used comes from its host at a price: it is paid here, before anything is measured. */
function warmUp(): void {
  const bytes = Math.floor(Math.min(8 * GIB, freemem() * 0.7));
  const code = `for (let left = ${bytes}; left > 0; left -= 2 ** 28) (globalThis.kept ??= []).push(Buffer.alloc(2 ** 28, 1));`;
  const done = spawnSync(process.execPath, ['-e', code]);
  if (done.status !== 0) throw new Error(`cannot warm up ${Math.round(bytes / GIB)} GiB: ${done.stderr.toString()}`);
}

async function runLoad(load: Load, rounds: number, peer: Tool): Promise<LoadResult> {
  const scenario = scenarioOfLoad(load);
  const results: Result[] = [ours, peer].map((tool) => ({ tool: tool.name, rounds: [] }));
  // One round each that does not count: programs and libraries get into the page cache.
  for (let round = -1; round < rounds; round++)
    for (const [i, tool] of [ours, peer].entries()) {
      const times = await measure(scenario, tool);
      if (round >= 0) results[i]!.rounds.push(times);
    }
  for (const [i, tool] of [ours, peer].entries()) results[i]!.peak = await measureMemory(scenario, tool);
  return { load, ours: results[0]!, peer: results[1]!, cudaLook: await measureCudaLook(scenario, rounds) };
}

function printLoad({ load, ours: mine, peer }: LoadResult): void {
  const cells = TIMES.map((key) => {
    const [a, b] = [mine, peer].map((result) => median(result.rounds.map((round) => round[key]))) as [number, number];
    return `${a.toFixed(1).padStart(8)} ${b.toFixed(1).padStart(8)} ${(a / b).toFixed(2).padStart(5)}`;
  });
  const memory = `${mine.peak!.dumpMiB.toFixed(0).padStart(5)} ${mine.peak!.restoreMiB.toFixed(0).padStart(5)}`;
  console.log(`${load.name.padEnd(14)} ${cells.join('  |')}  | ${memory}`);
}

function printLooks(results: readonly LoadResult[]): void {
  const one = ({ load, cudaLook }: LoadResult) =>
    `${load.name} ${(['startMs', 'treeMs'] as const).map((key) => median(cudaLook.map((look) => look[key])).toFixed(2)).join(' + ')}`;
  console.log(`What these dumps would pay for the CUDA plugin on a host with a driver, ms manifest + tree: ${results.map(one).join(', ')}`);
}

function printHead(peer: Peer): void {
  const model = /^model name\s*:\s*(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1] ?? 'unknown processor';
  console.log(`criu-ts beside CRIU ${peer.version}, medians, ms. ${cpus().length} x ${model}, Linux ${release()}, Node ${process.version}`);
  const columns = ['dump', 'frozen', 'restore'].map((name) => `${name.padStart(8)} ${'CRIU'.padStart(8)} ${'ratio'.padStart(5)}`);
  console.log(`${''.padEnd(14)} ${columns.join('  |')}  | our peak MiB: dump, restore`);
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      peer: { type: 'string', default: '4.2.1' },
      only: { type: 'string' },
      rounds: { type: 'string' },
      output: { type: 'string' },
    },
  });
  if (process.getuid?.() !== 0) throw new Error('needs root: processes are frozen and pids chosen');
  const peer = peers().find(({ version }) => version === values.peer);
  if (peer === undefined)
    throw new Error(
      `no CRIU ${values.peer}; there are ${peers()
        .map(({ version }) => version)
        .join(', ')}`,
    );
  const only = values.only?.split(',');
  const loads = LOADS.filter(({ name }) => only === undefined || only.includes(name));
  if (loads.length === 0) throw new Error(`no such victim; there are: ${LOADS.map(({ name }) => name).join(', ')}`);
  warmUp();
  printHead(peer);
  const results: LoadResult[] = [];
  for (const load of loads) {
    const result = await runLoad(load, values.rounds === undefined ? load.rounds : Number(values.rounds), toolOf(peer));
    printLoad(result);
    results.push(result);
  }
  printLooks(results);
  const plugins = measurePlugins(PLUGIN_ROUNDS);
  for (const line of pluginLines(plugins, median)) console.log(line);
  const output = values.output ?? join(repository, 'test/.work/bench.json');
  mkdirSync(dirname(output), { recursive: true });
  const machine = { cpus: cpus().map(({ model }) => model), kernel: release(), node: process.version };
  writeFileSync(output, `${JSON.stringify({ peer: peer.version, machine, results, plugins }, null, 2)}\n`);
  console.log(`All numbers: ${output}`);
}

await main().catch((error: unknown) => {
  console.error(`bench: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
});
