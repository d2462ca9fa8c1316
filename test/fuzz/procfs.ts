/**
 * Fuzzes the parsers of /proc text: mutated texts must give a result or a CrError, quickly, and nothing else.
 *   node dist/test/fuzz/procfs.js [seed] [rounds]
 * The seed decides everything, so a failure is repeated by its line of output.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CrError } from '../../core/errors.js';
import { parseAuxv } from '../../core/kernel/procfs/auxv.js';
import { parseCgroup } from '../../core/kernel/procfs/cgroup.js';
import { parseFdInfo } from '../../core/kernel/procfs/fdinfo.js';
import { parseLimits } from '../../core/kernel/procfs/limits.js';
import { parseMaps } from '../../core/kernel/procfs/maps.js';
import { parseMountInfo } from '../../core/kernel/procfs/mountinfo.js';
import { parseNumaMaps } from '../../core/kernel/procfs/numa-maps.js';
import { type ProcText } from '../../core/kernel/procfs/reader.js';
import { parseSmaps } from '../../core/kernel/procfs/smaps.js';
import { parseStat } from '../../core/kernel/procfs/stat.js';
import { parseStatus } from '../../core/kernel/procfs/status.js';
import { parseShm } from '../../core/kernel/procfs/sysvipc-shm.js';
import { parseChildren } from '../../core/kernel/procfs/task-list.js';
import { parseComm } from '../../core/kernel/procfs/task-values.js';
import { parseTimers } from '../../core/kernel/procfs/timers.js';
import { parseLocks } from '../unit/kernel/procfs/helper.js';

type Parser = (text: ProcText) => unknown;

/** Parsers by the first word of a fixture's name. */
const PARSERS: Readonly<Record<string, Parser>> = {
  auxv: parseBothAuxv,
  cgroup: parseCgroup,
  children: parseChildren,
  comm: parseComm,
  fdinfo: parseFdInfo,
  limits: parseLimits,
  locks: parseLocks,
  maps: parseMaps,
  mountinfo: parseMountInfo,
  numa: parseNumaMaps,
  smaps: parseSmaps,
  stat: parseStat,
  status: parseStatus,
  sysvipc: parseShm,
  timers: parseTimers,
};

/** Half of the texts are read as those of a 32-bit program. */
function parseBothAuxv(text: ProcText): unknown {
  return parseAuxv(text, text.bytes.length % 32 === 0 ? 4 : 8);
}

/** A text of this length is parsed in well under a millisecond; a second means a loop. */
const SLOW_MS = 1000;
/** Longer texts are cut, so that every round is short. */
const MAX_BYTES = 24_000;
const FIXTURES = join(import.meta.dirname, '../../../test/unit/kernel/procfs/fixtures');

/** Pieces that parsers are tempted to trip over. */
const PIECES = [
  '\n',
  '\0',
  ' ',
  '\t',
  ':',
  '-',
  ')',
  '\\012',
  '\\',
  '/',
  ' (deleted)',
  '99999999999999999999999',
  'ffffffffffffffff',
  '-1',
  '0x',
  '<none>',
  'EOF',
  '\xff',
  '\xc3',
  '[',
  'VmFlags:',
  'Name:\t',
  'tfd:',
];

/** Deterministic 32-bit numbers (xorshift). */
export function random(seed: number): (below: number) => number {
  let state = seed >>> 0 || 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % Math.max(below, 1);
  };
}

/** One mutation of a text; never longer than twice its length. */
export function mutate(bytes: Buffer, other: Buffer, next: (below: number) => number): Buffer {
  const at = next(bytes.length + 1);
  const to = Math.min(bytes.length, at + next(40));
  switch (next(7)) {
    case 0:
      return bytes.subarray(0, at);
    case 1:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(to)]);
    case 2:
      return Buffer.concat([bytes.subarray(0, to), bytes.subarray(at)]);
    case 3:
      return Buffer.concat([bytes.subarray(0, at), Buffer.from(PIECES[next(PIECES.length)] ?? '', 'latin1'), bytes.subarray(at)]);
    case 4:
      return Buffer.concat([bytes.subarray(0, at), other.subarray(next(other.length))]);
    default: {
      const copy = Buffer.from(bytes);
      if (at < copy.length) copy[at] = next(2) === 0 ? next(256) : (copy[at] ?? 0) ^ (1 << next(8));
      return copy;
    }
  }
}

interface Seed {
  readonly name: string;
  readonly bytes: Buffer;
  readonly parse: Parser;
}

function seeds(): Seed[] {
  const fromFiles = readdirSync(FIXTURES).map((name) => ({ name, bytes: readFileSync(join(FIXTURES, name)).subarray(0, MAX_BYTES) }));
  return [...fromFiles, { name: 'children', bytes: Buffer.from('1 23 456 4194304 ') }].map((seed) => {
    const parse = PARSERS[/^[a-z]+/.exec(seed.name)?.[0] ?? ''];
    if (parse === undefined) throw new Error(`no parser for ${seed.name}`);
    return { ...seed, parse };
  });
}

/** What happened, to see that the fuzzer reaches both sides. */
export interface FuzzCount {
  parsed: number;
  refused: number;
}

function tryParse(seed: Seed, bytes: Buffer, count: FuzzCount): void {
  const started = performance.now();
  try {
    seed.parse({ bytes, path: `/proc/fuzz/${seed.name}` });
    count.parsed++;
  } catch (error) {
    if (!(error instanceof CrError) || error.code !== 'CR_KERNEL') throw error;
    if (error.subject.path === undefined) throw new Error('the error names no path', { cause: error });
    count.refused++;
  }
  if (performance.now() - started > SLOW_MS) throw new Error(`took more than ${SLOW_MS} ms`);
}

/** Runs `rounds` mutations of each fixture. Throws an Error with fixture, round and the text in hex when one misbehaves. */
export function fuzzProcfs(seed: number, rounds: number): FuzzCount {
  const next = random(seed);
  const all = seeds();
  const count: FuzzCount = { parsed: 0, refused: 0 };
  for (const one of all) {
    for (let round = 0; round < rounds; round++) {
      const other = all[next(all.length)]?.bytes ?? one.bytes;
      let { bytes } = one;
      for (let i = next(4); i >= 0; i--) bytes = mutate(bytes, other, next);
      try {
        tryParse(one, bytes, count);
      } catch (error) {
        throw new Error(`seed ${seed}, ${one.name}, round ${round}: ${bytes.toString('hex').slice(0, 4000)}`, { cause: error });
      }
    }
  }
  return count;
}

if (process.argv[1] === import.meta.filename) {
  const [seed = '1', rounds = '2000'] = process.argv.slice(2);
  const count = fuzzProcfs(Number(seed), Number(rounds));
  process.stdout.write(`seed ${seed}: ${count.parsed} parsed, ${count.refused} refused\n`);
}
