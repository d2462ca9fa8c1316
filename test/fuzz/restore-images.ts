/**
 * Fuzzes the reading side of a restore: in a whole set of images fields are changed, taken out and doubled, and files are missing. A dry run must end with
 * a plan or with a CrError for people; never with an error of the program itself, and soon. (Damaged bytes are the subject of images.ts.)
 */
import { copyFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CrError } from '../../core/errors.js';
import { imageFromJson } from '../../core/images/image-json.js';
import { parseJson } from '../../core/images/json.js';
import { restore } from '../../core/restore/run.js';
import { criuTs } from '../helpers/run-command.js';

/** A pseudo-random number from 0 to n - 1. */
type Next = (n: number) => number;

/** The generator of Numerical Recipes: what matters is that a seed can be repeated. */
function generator(seed: number): Next {
  let state = seed >>> 0;
  return (n) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * n);
  };
}

type Json = null | boolean | number | bigint | string | Json[] | { [key: string]: Json };

/** Values that sit on the borders of what fields can be. */
const VALUES: readonly Json[] = [
  ...[0, 1, -1, 2, 3, 7, 255, 4096, 65535, 2 ** 31 - 1, 2 ** 32 - 1, -(2 ** 31)],
  ...['18446744073709551615', '9223372036854775807', '0x7fffffffffff', '0x1000', '', '/etc/passwd', '../../x', 'a\u0000b'],
];
const SLOW_MS = 2000;
/** Errors that say "our mistake", not "your image". */
const OURS: readonly string[] = ['CR_INTERNAL', 'CR_KERNEL'];

interface Place {
  readonly parent: Json[] | { [key: string]: Json };
  readonly key: string;
}

function placesIn(value: Json, out: Place[] = []): Place[] {
  if (typeof value !== 'object' || value === null) return out;
  for (const key of Object.keys(value)) {
    out.push({ parent: value, key });
    placesIn(child(value, key), out);
  }
  return out;
}

function child(parent: Place['parent'], key: string): Json {
  return Array.isArray(parent) ? parent[Number(key)]! : parent[key]!;
}

/** Changes one place; returns what was done. */
function change({ parent, key }: Place, next: Next): string {
  const old = child(parent, key);
  const how = next(5);
  if (how === 0) {
    if (Array.isArray(parent)) parent.splice(Number(key), 1);
    else Reflect.deleteProperty(parent, key);
    return `${key} taken out`;
  }
  if (how === 1 && Array.isArray(parent)) {
    parent.push(structuredClone(old));
    return `${key} doubled`;
  }
  const value = typeof old === 'number' && next(3) === 0 ? old + next(5) - 2 : VALUES[next(VALUES.length)]!;
  if (Array.isArray(parent)) parent[Number(key)] = value;
  else parent[key] = value;
  return `${key}: ${String(old)} -> ${String(value)}`;
}

export interface RestoreFuzz {
  planned: number;
  refused: number;
}

class Images {
  private readonly texts = new Map<string, string>();

  constructor(
    private readonly source: string,
    private readonly work: string,
  ) {
    for (const name of readdirSync(source)) {
      if (!name.endsWith('.img') || name.startsWith('pages-')) continue;
      const done = criuTs(['show', '--format', 'json', join(source, name)]);
      if (done.status === 0) this.texts.set(name, done.stdout);
    }
  }

  reset(): void {
    for (const name of readdirSync(this.work)) rmSync(join(this.work, name));
    for (const name of readdirSync(this.source)) if (name.endsWith('.img')) copyFileSync(join(this.source, name), join(this.work, name));
  }

  mutate(next: Next): string {
    const names = [...this.texts.keys()];
    const name = names[next(names.length)]!;
    const path = join(this.work, name);
    if (next(16) === 0) {
      rmSync(path, { force: true });
      return `${name} is missing`;
    }
    const image = parseJson(this.texts.get(name)!) as { entries: Json };
    const places = placesIn(image.entries);
    if (places.length === 0) return `${name} as it is`;
    const done = change(places[next(places.length)]!, next);
    try {
      writeFileSync(path, Buffer.concat(imageFromJson(image)));
    } catch (error) {
      // What cannot be written cannot be read either.
      if (!(error instanceof CrError)) throw error;
      return `${name} as it is`;
    }
    return `${name} ${done}`;
  }
}

/**
 * @param source a set of images; its tree must not be running
 * @param work an empty folder
 * @throws Error that names seed, round and changes
 */
export async function fuzzRestore(source: string, work: string, seed: number, rounds: number): Promise<RestoreFuzz> {
  const next = generator(seed);
  const images = new Images(source, work);
  const count: RestoreFuzz = { planned: 0, refused: 0 };
  for (let round = 0; round < rounds; round++) {
    images.reset();
    const done = Array.from({ length: 1 + next(3) }, () => images.mutate(next));
    const where = `seed ${seed}, round ${round}: ${done.join('; ')}`;
    const start = performance.now();
    try {
      await restore({ imagesDir: work, workDir: work, dryRun: true });
      count.planned++;
    } catch (error) {
      if (!(error instanceof CrError) || OURS.includes(error.code)) throw new Error(where, { cause: error });
      count.refused++;
    }
    if (performance.now() - start > SLOW_MS) throw new Error(`${where}: took ${Math.round(performance.now() - start)} ms`);
  }
  return count;
}
