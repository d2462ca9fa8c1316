/** What there is of plugins, and what each could do on this host. For people: nothing is dumped or restored. */
import type { Log } from '../log.js';
import type { RestoreOptions } from '../options.js';
import { diagnose, type Point } from './diagnosis.js';
import { selectionOf } from './open.js';
import { PluginChooser } from './choose.js';
import { byName } from './find.js';
import { guarded, NO_WATCH } from './guard.js';
import type { LoadedPlugin } from './session.js';

export interface Inspected {
  readonly name: string;
  readonly version: string;
  /** `enabled`: a dump would load it. */
  readonly state: 'enabled' | 'off' | 'broken';
  /** Why it is off or broken. */
  readonly reason: string;
  readonly source: string;
  /** What its manifest asks for, and whether it is there; only for a diagnosis. */
  readonly points: readonly Point[];
  /** What the plugin itself says about the host (`doctor`); only for a diagnosis. */
  readonly report: readonly string[];
}

export interface Inspection {
  /** Name of the one to look at. */
  readonly only?: string | undefined;
  /** Ask what each one needs, and the loaded ones what they say about this host. */
  readonly diagnosis?: boolean;
}

/** Milliseconds in which a plugin has to say what it thinks of the host. */
const DOCTOR_MS = 60_000;

export async function inspectPlugins(
  options: RestoreOptions,
  log: Log,
  { only, diagnosis = false }: Inspection = {},
): Promise<Inspected[]> {
  const chooser = new PluginChooser(selectionOf(options, 'plugin'), 'dump', log);
  const { plugins, reasons } = await chooser.withReasons();
  const { plugins: first, others, broken } = chooser.all();
  const wanted = only === undefined ? undefined : (byName(first, only)?.manifest.name ?? only);
  const is = (name: string) => wanted === undefined || name === wanted;
  const out: Inspected[] = [];
  for (const plugin of plugins.filter(({ manifest }) => is(manifest.name))) {
    const { manifest, source, folder } = plugin;
    const { name, version } = manifest;
    const more = diagnosis ? { points: diagnose(manifest, folder), report: await reportOf(plugin) } : { points: [], report: [] };
    out.push({ name, version, state: 'enabled', reason: '', source, ...more });
  }
  for (const { manifest, folder } of [...first, ...others]) {
    const { name, version } = manifest;
    if (!is(name) || out.some((one) => one.name === name && one.version === version)) continue;
    const points = diagnosis ? diagnose(manifest, folder) : [];
    out.push({
      name,
      version,
      state: 'off',
      reason: out.some((one) => one.name === name) ? 'another one of this name comes first' : (reasons.get(name) ?? ''),
      source: folder,
      points,
      report: [],
    });
  }
  for (const { folder, names, problems } of broken)
    if (wanted === undefined || names.includes(wanted))
      out.push({
        name: names.at(-1) ?? '?',
        version: '?',
        state: 'broken',
        reason: problems.join('; '),
        source: folder,
        points: [],
        report: [],
      });
  return out;
}

/** One that throws or hangs is a line of the report: the others are still told. */
async function reportOf({ manifest, definition, source, options }: LoadedPlugin): Promise<readonly string[]> {
  const blame = { plugin: manifest.name, version: manifest.version, hook: 'doctor', site: source };
  try {
    const lines: unknown = await guarded(blame, { ms: DOCTOR_MS, watch: NO_WATCH }, () => definition.doctor?.(options) ?? []);
    return Array.isArray(lines) ? lines.map(String) : [`its doctor answered ${typeof lines} instead of a list of texts`];
  } catch (error) {
    return [error instanceof Error ? error.message : String(error)];
  }
}
