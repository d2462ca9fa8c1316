/**
 * Which plugins an operation loads. Those that the user named must be had; those that were merely found are tried in a process of their own first, and stop
 * nobody; a restore loads exactly those that the inventory names.
 */
import { existsSync, readdirSync, statSync } from 'node:fs';
import type { PluginRequest } from '../config/plugin-request.js';
import { provenanceText } from '../config/provenance.js';
import { CrError } from '../errors.js';
import type { Log } from '../log.js';
import type { Operation } from '../stages.js';
import { checkTrusted } from '../config/trust.js';
import type { Demand, Verdict } from './enforce.js';
import { imageProblem } from './enforce.js';
import { capabilityProblem } from './capabilities.js';
import { byName, findPlugins, type Found, type FoundPlugin, readPlugin } from './find.js';
import { asConfigured, loadDefinition, loadFile, versionProblem, wrongVersion } from './load.js';
import type { PluginRecord } from './contexts.js';
import type { Manifest } from './definition.js';
import { type TreeObjects, uselessness } from './needs.js';
import { hostProblem } from './packages.js';
import { homeFolder } from './places.js';
import { probePlugin } from './probe.js';
import type { LoadedPlugin } from './session.js';

/** What the user said about plugins. */
export interface Selection {
  readonly requests: readonly PluginRequest[];
  readonly disabled: readonly string[];
  readonly folders: readonly string[];
  readonly allowMissing: readonly string[];
}

export interface Chosen {
  readonly plugins: readonly LoadedPlugin[];
  /** For a restore: one for each name of the inventory. */
  readonly verdicts: readonly Verdict[];
  /** For a dump: those that stay off only because the tree holds nothing that they claim. */
  readonly idle: readonly FoundPlugin[];
}

export class PluginChooser {
  private found: Found | null = null;
  /** Why what was found stays off, by name. */
  private readonly reasons = new Map<string, string>();
  private readonly idle: FoundPlugin[] = [];

  constructor(
    private readonly selection: Selection,
    private readonly operation: Operation,
    private readonly log: Log,
    private readonly home = homeFolder(),
  ) {}

  /** Every plugin in every place, looked for once. @throws CrError CR_USAGE for a folder that the user named and that is none */
  all(): Found {
    if (this.found) return this.found;
    for (const folder of this.selection.folders) this.checkFolder(folder);
    this.found = findPlugins({ folders: this.selection.folders, home: this.home });
    return this.found;
  }

  private checkFolder(folder: string): void {
    if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true)
      throw new CrError('CR_USAGE', {
        message: 'is no folder of plugins',
        subject: { path: folder },
        hint: 'Check --plugin-dir, -L (--libdir) and CRIU_LIBS_DIR.',
        target: 'not started',
      });
    const native = readdirSync(folder).filter((name) => name.endsWith('.so'));
    if (native.length > 0)
      this.log.warn(`${folder} has plugins for CRIU itself (${native.slice(0, 5).join(', ')}): they are not loaded here`);
  }

  /** Of several versions of a plugin the first that fits; when none does, the first, with which the reason is told. */
  private fitting(found: FoundPlugin, fits: (manifest: Manifest) => boolean): FoundPlugin {
    const same = this.all().others.filter(({ manifest }) => manifest.name === found.manifest.name);
    return [found, ...same].find(({ manifest }) => fits(manifest)) ?? found;
  }

  private isDisabled(plugin: FoundPlugin): boolean {
    return this.selection.disabled.some((name) => byName([plugin], name) !== undefined);
  }

  /** The same as forDump(), with the reasons for those that stay off. */
  async withReasons(): Promise<{ readonly plugins: readonly LoadedPlugin[]; readonly reasons: ReadonlyMap<string, string> }> {
    const { plugins } = await this.forDump();
    return { plugins, reasons: this.reasons };
  }

  /**
   * For a dump: what the user asked for, and what was found and works here.
   * @param objects of the tree: what was merely found and has nothing to do there stays off, untried. @throws CrError CR_PLUGIN, CR_PLUGIN_VERSION, CR_PLUGIN_MISSING for what was asked for
   */
  async forDump(objects: TreeObjects | null = null): Promise<Chosen> {
    const plugins: LoadedPlugin[] = [];
    for (const request of this.selection.requests) add(plugins, await this.requested(request));
    for (const first of this.all().plugins) {
      const found = this.fitting(first, (manifest) => versionProblem(manifest, undefined) === null);
      if (plugins.some(({ manifest }) => manifest.name === found.manifest.name)) continue;
      if (this.isDisabled(found)) {
        this.reasons.set(found.manifest.name, 'switched off by --disable-plugin or the configuration');
        continue;
      }
      const loaded = await this.discovered(found, objects);
      if (loaded) add(plugins, loaded);
    }
    for (const { folder, problems } of this.all().broken) this.log.info(`${folder} is no usable plugin: ${problems[0]}`);
    return { plugins, verdicts: [], idle: this.idle };
  }

  /** For a restore. What the user names besides is refused: it would not be enabled, and he must know. @throws CrError */
  async forRestore(demand: Demand, records: readonly PluginRecord[] | null): Promise<Chosen> {
    if (demand.kind === 'all') return this.forDump();
    const plugins: LoadedPlugin[] = [];
    const verdicts: Verdict[] = [];
    for (const name of demand.names) {
      const record = records?.find((entry) => entry.name === name);
      const answer = await this.required(name, record);
      const waived = answer.plugin === null && this.selection.allowMissing.includes(name);
      if (waived) this.log.warn(`Plugin ${name}, which the checkpoint needs, is left out (--allow-missing-plugin): ${answer.verdict.text}`);
      verdicts.push(waived ? { ...answer.verdict, state: 'waived' } : answer.verdict);
      if (answer.plugin) plugins.push(answer.plugin);
    }
    for (const request of this.selection.requests)
      if (typeof request.reference === 'string' && !this.isAmong(request.reference, plugins))
        this.log.info(`Plugin ${request.reference} (${provenanceText(request.from)}) is not needed by the checkpoint and stays off`);
    return { plugins, verdicts, idle: [] };
  }

  /** Whether a name or path that the user gave is that of a loaded plugin. */
  private isAmong(reference: string, plugins: readonly LoadedPlugin[]): boolean {
    const name = byName(this.all().plugins, reference)?.manifest.name ?? reference;
    return plugins.some(({ manifest, source, folder }) => manifest.name === name || source === reference || folder === reference);
  }

  /** One name of the inventory. */
  private async required(name: string, record: PluginRecord | undefined): Promise<{ plugin: LoadedPlugin | null; verdict: Verdict }> {
    const no = (state: Verdict['state'], text: string) => ({ plugin: null, verdict: { name, state, text } });
    if (this.selection.disabled.includes(name)) return no('missing', 'switched off by --disable-plugin');
    let named: LoadedPlugin | null;
    let plugin: LoadedPlugin | null;
    try {
      named = await this.fromRequests(name);
      plugin = named ?? (await this.fromPlaces(name, record));
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      return no(error instanceof CrError && error.code === 'CR_PLUGIN_VERSION' ? 'wrong version' : 'unavailable', text);
    }
    if (!plugin) return no('missing', this.missingText(record));
    const problem = imageProblem(record, plugin.manifest);
    if (problem !== null) return no('wrong version', problem);
    // Who names it may say with its options where the device is; then the plugin itself tells what it lacks (restore.check), as it does at a dump.
    const unavailable = named ? ((await named.definition.probe?.()) ?? null) : await this.unavailable(plugin);
    if (unavailable !== null) return no('unavailable', unavailable);
    return { plugin, verdict: { name, state: 'satisfied', text: `${plugin.manifest.version} of ${plugin.source}` } };
  }

  private missingText(record: PluginRecord | undefined): string {
    const places = [...this.selection.folders, `${this.home}/plugins`, `${this.home}/node_modules`].join(', ');
    const wrote = record ? `; ${record.version} wrote the checkpoint` : '';
    return `looked in ${places}${wrote}; install the package, or name it with --enable-plugin PATH`;
  }

  /** Among what the user named. */
  private async fromRequests(name: string): Promise<LoadedPlugin | null> {
    for (const request of this.selection.requests) {
      if (
        typeof request.reference === 'string' &&
        !isPath(request.reference) &&
        byName(this.all().plugins, request.reference)?.manifest.name !== name
      )
        continue;
      const plugin = await this.requested(request);
      if (plugin.manifest.name === name) return plugin;
    }
    return null;
  }

  private async fromPlaces(name: string, record: PluginRecord | undefined): Promise<LoadedPlugin | null> {
    const first = this.all().plugins.find(({ manifest }) => manifest.name === name);
    if (!first) return null;
    const fits = (manifest: Manifest) => versionProblem(manifest, undefined) === null && imageProblem(record, manifest) === null;
    return this.loadFound(this.fitting(first, fits), name, undefined, {});
  }

  /** Why the plugin cannot work on this host, or null. */
  private async unavailable({ manifest, definition }: LoadedPlugin): Promise<string | null> {
    const needs = hostProblem(manifest.host);
    if (needs !== null) return needs;
    return (await definition.probe?.()) ?? null;
  }

  /** A plugin that the user named. @throws CrError CR_PLUGIN, CR_PLUGIN_VERSION, CR_PLUGIN_MISSING */
  private async requested({ reference, range, options = {}, from }: PluginRequest): Promise<LoadedPlugin> {
    const where = provenanceText(from);
    if (typeof reference !== 'string') {
      const configured = asConfigured(reference);
      const what = `of ${where}`;
      const given = { what, source: where, folder: process.cwd(), manifest: null, range };
      return loadDefinition(configured?.plugin, { ...given, options: { ...configured?.options, ...options } });
    }
    if (isPath(reference)) return this.fromPath(reference, where, range, options);
    const found = byName(this.all().plugins, reference);
    if (found)
      return this.loadFound(
        this.fitting(found, (manifest) => versionProblem(manifest, range) === null),
        reference,
        range,
        options,
      );
    const broken = this.all().broken.find(({ names }) => names.includes(reference));
    throw new CrError('CR_PLUGIN_MISSING', {
      message: `plugin ${reference} (${where}) ${broken ? `in ${broken.folder} is not usable: ${broken.problems.join('; ')}` : `was not found; ${this.knownText()}`}`,
      hint: broken ? 'Mend or remove it.' : 'Name its package or file: --enable-plugin ./path, or its folder: --plugin-dir.',
      target: 'not started',
    });
  }

  private knownText(): string {
    const names = this.all().plugins.map(({ manifest }) => manifest.name);
    return names.length === 0 ? 'there are none' : `there are ${names.join(', ')}`;
  }

  private async fromPath(
    path: string,
    where: string,
    range: string | undefined,
    options: Readonly<Record<string, unknown>>,
  ): Promise<LoadedPlugin> {
    if (!existsSync(path))
      throw new CrError('CR_PLUGIN_MISSING', {
        message: `plugin ${path} (${where}) is not there`,
        subject: { path },
        target: 'not started',
      });
    const found = readPlugin(path, 'folder');
    if (found && 'problems' in found)
      throw new CrError('CR_PLUGIN', {
        message: `plugin ${path}: ${found.problems.length} mistakes in its manifest:\n${found.problems.map((line) => `  ${line}`).join('\n')}`,
        target: 'not started',
      });
    if (found) return this.loadFound(found, path, range, options);
    checkTrusted(path, 'plugin');
    return loadFile(path, { what: path, manifest: null, range, options });
  }

  private async loadFound(
    found: FoundPlugin,
    what: string,
    range: string | undefined,
    options: Readonly<Record<string, unknown>>,
  ): Promise<LoadedPlugin> {
    const version = versionProblem(found.manifest, range);
    if (version !== null) throw wrongVersion(what, version);
    checkTrusted(found.entry, 'plugin');
    const loaded = await loadFile(found.entry, { what, manifest: found.manifest, range, options });
    return { ...loaded, folder: found.folder };
  }

  /** One that nobody named: whatever is wrong with it, the run goes on without it. */
  private async discovered(found: FoundPlugin, objects: TreeObjects | null): Promise<LoadedPlugin | null> {
    const { name } = found.manifest;
    const off = (why: string) => {
      this.reasons.set(name, why);
      this.log.info(`Plugin ${name} stays off: ${why}`);
      return null;
    };
    // The host has what it is for: what it would have dumped will be refused, and this is why.
    const broken = (why: string) => {
      this.reasons.set(name, why);
      this.log.warn(`Plugin ${name} is for this host, and stays off: ${why}`);
      return null;
    };
    const { manifest } = found;
    const cheap = hostProblem(manifest.host) ?? versionProblem(manifest, undefined) ?? capabilityProblem(manifest.capabilities);
    if (cheap !== null) return off(cheap);
    const useless = objects && uselessness(manifest, objects);
    if (useless !== null) {
      this.idle.push(found);
      return off(useless);
    }
    try {
      checkTrusted(found.entry, 'plugin');
    } catch (error) {
      return broken(error instanceof Error ? error.message : String(error));
    }
    const answer = await probePlugin(found.entry, this.home);
    if (answer !== null) return broken(answer);
    try {
      return await this.loadFound(found, name, undefined, {});
    } catch (error) {
      return broken(error instanceof Error ? error.message : String(error));
    }
  }
}

function isPath(reference: string): boolean {
  return reference.startsWith('/');
}

/** @throws CrError CR_PLUGIN for two of one name, or two that exclude each other */
function add(plugins: LoadedPlugin[], plugin: LoadedPlugin): void {
  const { name, conflicts = [] } = plugin.manifest;
  const twice = plugins.find(({ manifest }) => manifest.name === name);
  if (twice)
    throw new CrError('CR_PLUGIN', {
      message: `two plugins are called ${name}: ${twice.source} and ${plugin.source}`,
      target: 'not started',
    });
  const enemy = plugins.find(({ manifest }) => conflicts.includes(manifest.name) || (manifest.conflicts ?? []).includes(name));
  if (enemy)
    throw new CrError('CR_PLUGIN', {
      message: `plugins ${enemy.manifest.name} and ${name} exclude each other`,
      hint: `Leave one out: --disable-plugin ${enemy.manifest.name} or --disable-plugin ${name}.`,
      target: 'not started',
    });
  plugins.push(plugin);
}
