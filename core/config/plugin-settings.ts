/** Which plugins are switched on and off, when several places say so: the nearest to the user is asked first and wins. */
import { isAbsolute, resolve } from 'node:path';
import { BadValue } from './bad-value.js';
import { isPath, parsePluginArgument, parsePluginName } from './plugin-argument.js';
import type { PluginRequest } from './plugin-request.js';
import type { Provenance } from './provenance.js';

/** A name that somebody switched off. */
export interface DisabledPlugin {
  readonly name: string;
  readonly from: Provenance;
}

/** A folder with plugins. */
export interface PlacedFolder {
  readonly path: string;
  readonly from: Provenance;
}

/** Of several plugins that claim one object, the one named first gets it. */
export interface Ranking {
  readonly names: readonly string[];
  readonly from: Provenance;
}

/** Filled by the nearest place first. */
export interface PluginSwitches {
  readonly requests: PluginRequest[];
  readonly disabled: DisabledPlugin[];
  readonly folders: PlacedFolder[];
  ranking: Ranking | undefined;
}

/** Said in one breath: a contradiction is then a mistake, and not one place overruling another. */
function samePlace(a: Provenance, b: Provenance): boolean {
  return a.kind === b.kind && (a.kind !== 'file' || (b.kind === 'file' && a.file === b.file && a.profile === b.profile));
}

/** Adds a request, unless a nearer place has switched the plugin off. @throws BadValue when the same place has */
export function enable(switches: PluginSwitches, request: PluginRequest): void {
  const off = switches.disabled.find(({ name }) => name === request.reference);
  if (off === undefined) switches.requests.push(request);
  else if (samePlace(off.from, request.from)) throw new BadValue(`"${off.name}" is enabled and disabled`);
}

/** Switches a name off, unless a nearer place has asked for the plugin. @throws BadValue when the same place has */
export function disable(switches: PluginSwitches, name: string, from: Provenance): void {
  const on = switches.requests.find(({ reference }) => reference === name);
  if (on === undefined) switches.disabled.push({ name, from });
  else if (samePlace(on.from, from)) throw new BadValue(`"${name}" is enabled and disabled`);
}

/** --enable-plugin. Relative paths start in the working folder. @throws BadValue */
export function enableArgument(switches: PluginSwitches, text: string, from: Provenance): void {
  const { reference, ...rest } = parsePluginArgument(text);
  const full = isPath(reference) && !isAbsolute(reference) ? resolve(reference) : reference;
  enable(switches, { reference: full, ...rest, from });
}

/** --disable-plugin. @throws BadValue */
export function disableArgument(switches: PluginSwitches, text: string, from: Provenance): void {
  disable(switches, parsePluginName(text), from);
}
