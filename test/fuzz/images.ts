/**
 * Fuzzes image reading and the text form: damaged images and damaged JSON must give a result or a CrError that names file and offset (or the place in
 * the JSON), quickly, and nothing else.
 *   node dist/test/fuzz/images.js [seed] [rounds]
 * The seed decides everything, so a failure is repeated by its line of output.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CrError } from '../../core/errors.js';
import { magicBytes, recordBytes, ImageFile } from '../../core/images/container.js';
import { imageFromJson, kindOfFile, recordsOf, recordToJson, typeAt } from '../../core/images/image-json.js';
import { jsonPieces, parseJson } from '../../core/images/json.js';
import { imageLines } from '../../core/images/listing.js';
import { fileName } from '../../core/images/kind.js';
import { IMAGES, kindOf, type KindName } from '../../core/images/magic.js';
import { ImageReader, type PlainKind } from '../../core/images/reader.js';
import { random, randomMessage, type Next } from '../unit/images/samples.js';

/** Images and texts here have at most a few hundred kilobytes; a second means a loop. */
const SLOW_MS = 1000;
const KINDS = Object.keys(IMAGES) as KindName[];
const ID = 1;

/** What happened, to see that the fuzzer reaches both sides. */
export interface FuzzCount {
  read: number;
  refused: number;
  encoded: number;
}

/** An image with random records, and random bytes where the kind has data (so most of those are damaged from the start). */
function sample(name: KindName, next: Next): Buffer {
  const kind = kindOf(name);
  const parts: Buffer[] = [magicBytes(kind)];
  for (let i = 0; i < (kind.single ? 1 : 1 + next(3)); i++) {
    const message = randomMessage(typeAt(kind, i), next) as Record<string, unknown>;
    for (const key of ['bytes', 'length', 'qnum', 'nsems', 'inq_len', 'outq_len', 'keys_bytes', 'values_bytes'])
      if (key in message) message[key] = next(4);
    for (const key of ['len', 'size']) if (typeof message[key] === 'bigint') message[key] = BigInt(next(4));
    parts.push(recordBytes(typeAt(kind, i), message));
    if (kind.payload !== undefined) parts.push(Buffer.alloc(next(9), next(256)));
  }
  return Buffer.concat(parts);
}

function mutate(bytes: Buffer, other: Buffer, next: Next): Buffer {
  const at = next(bytes.length + 1);
  const to = Math.min(bytes.length, at + next(20));
  switch (next(7)) {
    case 0:
      return bytes.subarray(0, at);
    case 1:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(to)]);
    case 2:
      return Buffer.concat([bytes.subarray(0, to), bytes.subarray(at)]);
    case 3:
      return Buffer.concat([bytes.subarray(0, at), Buffer.alloc(1 + next(10), next(3) === 0 ? 0xff : next(256)), bytes.subarray(at)]);
    case 4:
      return Buffer.concat([bytes.subarray(0, at), other.subarray(next(other.length))]);
    default: {
      const copy = Buffer.from(bytes);
      if (at < copy.length) copy[at] = next(2) === 0 ? next(256) : (copy[at] ?? 0) ^ (1 << next(8));
      return copy;
    }
  }
}

/** Runs `work`; true when it gave a result, false for an error that is fit for a user. Anything else is thrown. */
function survives(work: () => void, fits: (error: CrError) => boolean): boolean {
  const started = performance.now();
  try {
    work();
    return true;
  } catch (error) {
    if (!(error instanceof CrError) || !fits(error)) throw error;
    return false;
  } finally {
    if (performance.now() - started > SLOW_MS) throw new Error(`took more than ${SLOW_MS} ms`);
  }
}

const imageError = (error: CrError): boolean =>
  (error.code === 'CR_IMAGE_BAD' || error.code === 'CR_IMAGE_FEATURE') &&
  error.subject.path !== undefined &&
  error.subject.offset !== undefined;
const jsonError = (error: CrError): boolean => error.code === 'CR_IMAGE_BAD';

function readStrictly(reader: ImageReader, name: KindName): void {
  if (name === 'pagemap' || name === 'pagemap-shmem') reader.readPagemap(name, ID);
  else if (name === 'ghost-file') reader.readWithData(name, ID);
  else reader.readAll(name satisfies PlainKind, ID);
}

/** The image as JSON, in both forms, and as a listing. */
function showAll(path: string): string {
  const file = ImageFile.open(path);
  try {
    const kind = kindOfFile(file);
    const entries = [...recordsOf(file, kind)].map((record, i) => recordToJson(file, kind, i, record, 'pretty'));
    for (const line of imageLines(file, kind)) if (line.includes('\u001b')) throw new Error('an escape character reached the listing');
    return [...jsonPieces({ magic: kind.magicName, entries }, 4)].join('');
  } finally {
    file.close();
  }
}

function oneRound(dir: string, name: KindName, next: Next, count: FuzzCount): void {
  let bytes = sample(name, next);
  const other = sample(KINDS[next(KINDS.length)] ?? 'core', next);
  for (let i = next(4); i > 0; i--) bytes = mutate(bytes, other, next);
  const path = join(dir, fileName(kindOf(name), ID));
  writeFileSync(path, bytes);
  const reader = new ImageReader(dir);
  if (survives(() => readStrictly(reader, name), imageError)) count.read++;
  else count.refused++;
  let text = '';
  if (survives(() => (text = showAll(path)), imageError)) fuzzText(text, next, count);
}

function fuzzText(text: string, next: Next, count: FuzzCount): void {
  let json: unknown;
  const damaged = next(3) === 0 ? Buffer.from(text) : mutate(Buffer.from(text), Buffer.from('"-1": [null, {}, 1e400, "=", "0x"]'), next);
  try {
    json = parseJson(damaged.toString());
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return;
  }
  if (survives(() => void imageFromJson(json), jsonError)) count.encoded++;
}

/** Runs `rounds` damaged images of every kind. Throws an Error with kind and round when one misbehaves. */
export function fuzzImages(seed: number, rounds: number): FuzzCount {
  const count: FuzzCount = { read: 0, refused: 0, encoded: 0 };
  const dir = mkdtempSync(join(tmpdir(), 'criu-ts-fuzz-'));
  try {
    for (const [index, name] of KINDS.entries()) {
      for (let round = 0; round < rounds; round++) {
        try {
          oneRound(dir, name, random((seed * 1_000_003 + index * 10_007 + round) | 0), count);
        } catch (error) {
          throw new Error(`seed ${seed}, ${name}, round ${round}`, { cause: error });
        }
      }
    }
  } finally {
    rmSync(dir, { recursive: true });
  }
  return count;
}

if (process.argv[1] === import.meta.filename) {
  const [seed = '1', rounds = '1000'] = process.argv.slice(2);
  const { read, refused, encoded } = fuzzImages(Number(seed), Number(rounds));
  process.stdout.write(`seed ${seed}: ${read} read, ${refused} refused, ${encoded} encoded from JSON\n`);
}
