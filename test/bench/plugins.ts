/** What plugins cost a dump that uses none: the look for them, the empty hooks, and 200 that are installed and have nothing to do. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Hooks } from '../../core/hooks.js';
import { STAGES } from '../../core/stages.js';
import { installHome } from '../helpers/installed-home.js';

const INSTALLED = 200;

export interface PluginCosts {
  /** Milliseconds in which the command finds that no plugin has anything to do, one number a run. */
  readonly lookMs: number[];
  /** Milliseconds for making the hooks and asking them at every stage of a dump and a restore. */
  readonly hooksMs: number[];
  /** Milliseconds of a whole `dump --dry-run`, without and with the installed plugins, in turn. */
  readonly withoutMs: number[];
  readonly withMs: number[];
}

/** A criu-ts that was installed with that many plugins beside it. @returns its command */
function install(folder: string, plugins: number): string {
  const { modules, command } = installHome(folder);
  for (let i = 0; i < plugins; i++) {
    const at = join(modules, `criu-plugin-idle-${i}`);
    mkdirSync(at);
    const manifest = {
      name: `idle_${i}_plugin`,
      api: '^1.0.0',
      image: { writes: '1.0.0', reads: '^1.0.0' },
      claims: { paths: [`/dev/idle${i}*`], charMajors: [240 + (i % 10)] },
      hooks: { 'dump.claimFile': 'claim', 'dump.claimMapping': 'claim', 'dump.saveFile': 'owner', 'restore.openFile': 'owner' },
    };
    writeFileSync(
      join(at, 'package.json'),
      JSON.stringify({ name: `criu-plugin-idle-${i}`, version: '1.0.0', main: 'i.js', 'criu-ts': manifest }),
    );
    writeFileSync(join(at, 'i.js'), 'throw new Error("nobody needs this");');
  }
  return command;
}

function hooksMs(): number {
  const begin = performance.now();
  const hooks = new Hooks();
  for (const operation of ['dump', 'restore'] as const) for (const stage of Object.keys(STAGES[operation])) hooks.tapped(operation, stage);
  return performance.now() - begin;
}

/** One `dump --dry-run`. @returns milliseconds, and those of the look for plugins as the log tells them */
function dryRun(command: string, victim: ChildProcess, folder: string): { ms: number; lookMs: number } {
  const args = ['dump', '--dry-run', '-v4', '-t', String(victim.pid), '-D', folder, '--no-default-config'];
  const begin = performance.now();
  const done = spawnSync(command, args, { encoding: 'utf8' });
  const ms = performance.now() - begin;
  const look = /known after ([\d.]+) ms/.exec(done.stderr + done.stdout)?.[1];
  if (done.status !== 0 || look === undefined) throw new Error(`dump --dry-run failed: ${done.stdout}${done.stderr}`);
  return { ms, lookMs: Number(look) };
}

export function measurePlugins(rounds: number): PluginCosts {
  const folder = mkdtempSync(join(tmpdir(), 'criu-ts-bench-'));
  const victim = spawn('sleep', ['1000'], { detached: true, stdio: 'ignore', cwd: '/' });
  try {
    const [none, many] = [0, INSTALLED].map((count) => install(mkdtempSync(join(folder, 'home-')), count)) as [string, string];
    const costs: PluginCosts = { lookMs: [], hooksMs: [], withoutMs: [], withMs: [] };
    for (let round = -1; round < rounds; round++) {
      const plain = dryRun(none, victim, folder);
      const full = dryRun(many, victim, folder);
      // The first one gets programs and folders into the page cache.
      if (round < 0) continue;
      costs.lookMs.push(plain.lookMs);
      costs.hooksMs.push(hooksMs());
      costs.withoutMs.push(plain.ms);
      costs.withMs.push(full.ms);
    }
    return costs;
  } finally {
    victim.kill('SIGKILL');
    rmSync(folder, { recursive: true });
  }
}

/** @param median of a list of numbers */
export function pluginLines(costs: PluginCosts, median: (values: readonly number[]) => number): string[] {
  const [look, hooks] = [median(costs.lookMs), median(costs.hooksMs)];
  // Of neighbours, because a machine is not equally fast all the time.
  const grows = median(costs.withMs.map((ms, i) => ms - costs.withoutMs[i]!));
  return [
    `Plugins, none there: ${(look + hooks).toFixed(2)} ms per run (looking ${look.toFixed(2)}, hooks ${hooks.toFixed(2)}; promised: under 1)`,
    `Plugins, ${INSTALLED} installed and none used: a dump takes ${grows.toFixed(1)} ms longer (promised: under 20)`,
  ];
}
