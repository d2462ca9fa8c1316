/** What there is of plugins, and what each could do on this host. For people: nothing is dumped or restored. */
import type { Log } from '../log.js';
import type { RestoreOptions } from '../options.js';
import { selectionOf } from './open.js';
import { PluginChooser } from './choose.js';
import { byName } from './find.js';

export interface Inspected {
  readonly name: string;
  readonly version: string;
  /** `enabled`: a dump would load it. */
  readonly state: 'enabled' | 'off' | 'broken';
  /** Why it is off or broken. */
  readonly reason: string;
  readonly source: string;
  /** What the plugin itself says about the host (`doctor`). */
  readonly report: readonly string[];
}

/** @param only name of the one to look at */
export async function inspectPlugin(options: RestoreOptions, log: Log, only?: string): Promise<Inspected[]> {
  const chooser = new PluginChooser(selectionOf(options, 'plugin'), 'dump', log);
  const { plugins, reasons } = await chooser.withReasons();
  const { plugins: found, broken } = chooser.all();
  const wanted = only === undefined ? undefined : (byName(found, only)?.manifest.name ?? only);
  const is = (name: string) => wanted === undefined || name === wanted;
  const out: Inspected[] = [];
  for (const { manifest, source, definition, options: values } of plugins) {
    if (!is(manifest.name)) continue;
    const report = only === undefined ? [] : ((await definition.doctor?.(values)) ?? []);
    out.push({ name: manifest.name, version: manifest.version, state: 'enabled', reason: '', source, report });
  }
  for (const { manifest, folder } of found) {
    if (!is(manifest.name) || out.some(({ name }) => name === manifest.name)) continue;
    const reason = reasons.get(manifest.name) ?? '';
    out.push({ name: manifest.name, version: manifest.version, state: 'off', reason, source: folder, report: [] });
  }
  for (const { folder, names, problems } of broken)
    if (wanted === undefined || names.includes(wanted))
      out.push({ name: names.at(-1) ?? '?', version: '?', state: 'broken', reason: problems.join('; '), source: folder, report: [] });
  return out;
}
