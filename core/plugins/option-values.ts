/** Options of a plugin: texts of the command line and values of configuration files, checked against its manifest. */
import { createHash } from 'node:crypto';
import { nearest } from '../nearest.js';
import type { OptionSpec, OptionValue, OptionValues } from './definition.js';
import { canonical } from './validate.js';

/** A text is read, a value of the right type is kept. @throws RangeError that says what is expected */
function readOption(key: string, spec: OptionSpec, given: unknown): OptionValue {
  const wrong = (expected: string) => new RangeError(`option ${key} must be ${expected}, not ${JSON.stringify(given)?.slice(0, 60)}`);
  switch (spec.type) {
    case 'string':
      if (typeof given !== 'string') throw wrong('a text');
      return given;
    case 'enum':
      if (typeof given !== 'string' || !spec.values.includes(given)) throw wrong(spec.values.join(', '));
      return given;
    case 'boolean': {
      const words: Readonly<Record<string, boolean>> = { true: true, false: false, yes: true, no: false, '1': true, '0': false, '': true };
      const value = typeof given === 'string' && Object.hasOwn(words, given) ? words[given] : given;
      if (typeof value !== 'boolean') throw wrong('true or false');
      return value;
    }
    case 'number': {
      const value = typeof given === 'string' && /^-?\d+(\.\d+)?$/.test(given) ? Number(given) : given;
      const { min = -Infinity, max = Infinity } = spec;
      if (typeof value !== 'number' || !(value >= min && value <= max))
        throw wrong(`a number${min === -Infinity ? '' : ` from ${min}`}${max === Infinity ? '' : ` to ${max}`}`);
      return value;
    }
  }
}

/** Every option of the manifest, given or by default. @throws RangeError for an unknown or wrong one */
export function readOptions(specs: Readonly<Record<string, OptionSpec>>, given: Readonly<Record<string, unknown>>): OptionValues {
  for (const key of Object.keys(given)) {
    if (Object.hasOwn(specs, key)) continue;
    const known = Object.keys(specs);
    const near = nearest(key, known);
    const hint = near !== undefined ? `did you mean "${near}"?` : known.length === 0 ? 'it has none' : `there are ${known.join(', ')}`;
    throw new RangeError(`there is no option "${key.slice(0, 60)}"; ${hint}`);
  }
  const entries = Object.entries(specs).map(([key, spec]) => [
    key,
    given[key] === undefined ? spec.default : readOption(key, spec, given[key]),
  ]);
  return Object.fromEntries(entries) as OptionValues;
}

/** SHA-256 of the options in canonical JSON, for the record. */
export function optionDigest(options: OptionValues): string {
  return createHash('sha256').update(canonical(options)).digest('hex');
}
