/** Checks a manifest key by key. What is wrong is told all at once, each with its place and the nearest right word. */
import semver from 'semver';
import { nearest } from '../nearest.js';
import { CAPABILITY_NAMES } from '../resources/capabilities.js';
import { PLUGIN_API } from './api-version.js';
import type { Manifest, OptionSpec } from './definition.js';
import { allHookNames, isHookName, PLUGIN_HOOKS, stagePointOf } from './hook-table.js';

const NAME = /^[a-z0-9][a-z0-9_-]{0,62}$/i;
const MAX_ITEMS = 1000;
const MAX_TEXT = 4096;
const DAY_MS = 86_400_000;

type Data = Readonly<Record<string, unknown>>;
type Check = (value: unknown, path: string, say: Say) => void;
type Say = (path: string, message: string) => void;

function show(value: unknown): string {
  const text = typeof value === 'string' ? JSON.stringify(value) : Array.isArray(value) ? 'a list' : String(value);
  return text.slice(0, 60);
}

const text: Check = (value, path, say) => {
  if (typeof value !== 'string' || value === '' || value.length > MAX_TEXT) say(path, `must be a text, not ${show(value)}`);
};
const name: Check = (value, path, say) => {
  if (typeof value !== 'string' || !NAME.test(value))
    say(path, `must be a name of letters, digits, "_" and "-" (at most 63), not ${show(value)}`);
};
const version: Check = (value, path, say) => {
  if (typeof value !== 'string' || semver.valid(value) === null) say(path, `must be a version such as 1.2.3, not ${show(value)}`);
};
const range: Check = (value, path, say) => {
  if (typeof value !== 'string' || value.trim() === '' || semver.validRange(value) === null)
    say(path, `must be a range of versions such as ^1.0, not ${show(value)}`);
};
const whole =
  (min: number, max: number): Check =>
  (value, path, say) => {
    if (!Number.isInteger(value) || (value as number) < min || (value as number) > max)
      say(path, `must be a whole number from ${min} to ${max}, not ${show(value)}`);
  };
const oneOf =
  (...words: string[]): Check =>
  (value, path, say) => {
    if (typeof value !== 'string' || !words.includes(value)) say(path, `must be ${words.join(' or ')}, not ${show(value)}`);
  };
const listOf =
  (item: Check): Check =>
  (value, path, say) => {
    if (!Array.isArray(value) || value.length > MAX_ITEMS) say(path, `must be a list, not ${show(value)}`);
    else value.forEach((entry, i) => item(entry, `${path}[${i}]`, say));
  };
const capability: Check = (value, path, say) => {
  if (typeof value === 'string' && (CAPABILITY_NAMES as readonly string[]).includes(value.replace(/^CAP_/, '')) && value.startsWith('CAP_'))
    return;
  const near =
    typeof value === 'string'
      ? nearest(
          value,
          CAPABILITY_NAMES.map((name) => `CAP_${name}`),
        )
      : undefined;
  say(path, `must be a capability such as ${near ?? 'CAP_SYS_ADMIN'}, not ${show(value)}`);
};

function isObject(value: unknown): value is Data {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** An object with exactly these keys; those of `required` must be there. */
function shape(keys: Readonly<Record<string, Check>>, required: readonly string[] = []): Check {
  return (value, path, say) => {
    if (!isObject(value)) return say(path, `must be an object, not ${show(value)}`);
    for (const [key, entry] of Object.entries(value)) {
      const at = path === '' ? key : `${path}.${key}`;
      const check = Object.hasOwn(keys, key) ? keys[key] : undefined;
      if (check) {
        if (entry !== undefined) check(entry, at, say);
        continue;
      }
      const near = nearest(key, Object.keys(keys));
      say(at, `is not known${near === undefined ? `; known are ${Object.keys(keys).join(', ')}` : `; did you mean "${near}"?`}`);
    }
    for (const key of required) if (value[key] === undefined) say(path === '' ? key : `${path}.${key}`, 'is missing');
  };
}

const optionSpec: Check = (value, path, say) => {
  const common = { type: oneOf('string', 'number', 'boolean', 'enum'), doc: text };
  const number: Check = (n, at) => (typeof n === 'number' && Number.isFinite(n) ? undefined : say(at, `must be a number, not ${show(n)}`));
  const byType: Readonly<Record<string, Readonly<Record<string, Check>>>> = {
    string: { ...common, default: text },
    number: { ...common, default: number, min: number, max: number },
    boolean: { ...common, default: (b, at) => (typeof b === 'boolean' ? undefined : say(at, `must be true or false, not ${show(b)}`)) },
    enum: { ...common, values: listOf(text), default: text },
  };
  const spec = isObject(value) ? (value as Partial<OptionSpec>) : {};
  const required = spec.type === 'enum' ? ['type', 'doc', 'values'] : ['type', 'doc'];
  shape(byType[spec.type ?? ''] ?? common, required)(value, path, say);
};

const optionSpecs: Check = (value, path, say) => {
  if (!isObject(value)) return say(path, `must be an object, not ${show(value)}`);
  for (const [key, spec] of Object.entries(value)) {
    if (!/^[a-z][A-Za-z0-9]{0,40}$/.test(key))
      say(`${path}.${key.slice(0, 50)}`, 'must begin with a small letter and be of letters and digits');
    optionSpec(spec, `${path}.${key}`, say);
  }
};

const deadlines: Check = (value, path, say) => {
  if (!isObject(value)) return say(path, `must be an object, not ${show(value)}`);
  // Whether they are hooks: checkHooks().
  for (const [key, ms] of Object.entries(value)) whole(1, DAY_MS)(ms, `${path}.${key}`, say);
};

function suggestion(hook: string): string {
  const near = nearest(hook, allHookNames());
  return near === undefined ? '; `criu-ts plugin hooks` lists them' : `; did you mean "${near}"?`;
}

/** Whether the hook may be one of a later API: the SDK that made the plugin knew that API, and checked the name. */
export function isFuture(manifest: Pick<Manifest, 'sdk' | 'api'>): boolean {
  const { sdk, api } = manifest;
  return sdk !== undefined && semver.valid(sdk) !== null && semver.gt(sdk, PLUGIN_API) && semver.satisfies(PLUGIN_API, api);
}

function checkHooks(manifest: Partial<Manifest>, say: Say): void {
  const { hooks, deadlines: limits, api, sdk } = manifest;
  if (!isObject(hooks)) return say('hooks', `must be an object of hook names and kinds, not ${show(hooks)}`);
  // Whether a name is one of a later API or a slip of the pen is what the definition tells: the SDK that made it knew (load.ts).
  const mayBeLater = sdk === undefined || (typeof api === 'string' && isFuture({ api, sdk }));
  for (const [hook, kind] of Object.entries(hooks).slice(0, MAX_ITEMS)) {
    const at = `hooks["${hook.slice(0, 80)}"]`;
    const right = kindOf(hook);
    if (right === undefined) {
      if (!mayBeLater) say(at, `is no hook${suggestion(hook)}`);
    } else if (kind !== right) say(at, `is of kind ${right}, not ${show(kind)}`);
  }
  for (const hook of Object.keys(isObject(limits) ? limits : {}))
    if (kindOf(hook) === undefined && !mayBeLater) say(`deadlines.${hook.slice(0, 80)}`, `is no hook${suggestion(hook)}`);
}

function kindOf(hook: string): string | undefined {
  return isHookName(hook) ? PLUGIN_HOOKS[hook].kind : stagePointOf(hook) ? 'stage' : undefined;
}

const MANIFEST = shape(
  {
    name,
    version,
    api: range,
    sdk: version,
    image: shape({ writes: version, reads: range }, ['writes', 'reads']),
    // Checked by checkHooks().
    hooks: () => undefined,
    claims: shape({
      charMajors: listOf(whole(0, 4095)),
      blockMajors: listOf(whole(0, 4095)),
      paths: listOf(text),
      anonInodes: listOf(text),
      sockets: listOf(text),
    }),
    capabilities: listOf(capability),
    before: listOf(name),
    after: listOf(name),
    conflicts: listOf(name),
    options: optionSpecs,
    deadlines,
    host: shape({ anyOf: listOf(text) }),
    tree: shape({ mapped: listOf(text) }),
    native: shape({ path: text, abi: whole(1, 1_000_000) }, ['path', 'abi']),
    failPolicy: oneOf('required', 'optional'),
  },
  ['name', 'version', 'api', 'image', 'hooks'],
);

/** What is wrong with a manifest, one line each (`key: what`); empty when nothing is. */
export function manifestProblems(value: unknown): string[] {
  const out: string[] = [];
  const say: Say = (path, message) => void out.push(`${path === '' ? 'the manifest' : path}: ${message}`);
  MANIFEST(value, '', say);
  if (isObject(value)) checkHooks(value, say);
  return out;
}

/** The manifest part of a definition: everything that is data. */
export function manifestOf(
  definition: Manifest & { readonly apply?: unknown; readonly probe?: unknown; readonly doctor?: unknown },
): Manifest {
  const { apply, probe, doctor, ...manifest } = definition;
  void [apply, probe, doctor];
  return manifest;
}

/** Where the manifest in package.json and the definition say different things. */
export function manifestDifferences(written: Manifest, defined: Manifest): string[] {
  const keys = new Set([...Object.keys(written), ...Object.keys(defined)] as (keyof Manifest)[]);
  // The SDK fills it in by itself.
  keys.delete('sdk');
  return [...keys]
    .filter((key) => canonical(written[key]) !== canonical(defined[key]))
    .map((key) => `${key}: package.json and the definition differ`);
}

/** JSON with sorted keys: equal for equal values. */
export function canonical(value: unknown): string {
  return (
    JSON.stringify(value, (_key, entry: unknown) =>
      isObject(entry) ? Object.fromEntries(Object.entries(entry).sort(([a], [b]) => (a < b ? -1 : 1))) : entry,
    ) ?? 'undefined'
  );
}
