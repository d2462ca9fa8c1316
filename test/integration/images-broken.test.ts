/** Images that were damaged on their way: a restore names file and offset, and nothing is created. Every file of a real set gets every kind of damage. */
import assert from 'node:assert/strict';
import { cpSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { imageFromJson } from '../../core/images/image-json.js';
import { parseJson } from '../../core/images/json.js';
import { CrError, restore } from '../../core/index.js';
import { criuTs } from '../helpers/run-command.js';
import { scenarioOf, type Scenario } from '../helpers/scenario.js';
import { Subject } from '../helpers/subject.js';
import { Orphanage, endTree, leftovers } from '../helpers/sweep.js';
import { ours } from '../helpers/tools.js';
import { victims } from '../helpers/victims.js';

const root = process.getuid?.() === 0 ? false : 'needs root: the images come from a real dump';
/** The statistics are for people; no task of this set has a filter or clocks of its own. */
const NOT_READ = /^(stats-|seccomp|timens-0)/;
/** Raw pages have neither magic nor records: only their length can be wrong. */
const RAW = /^pages-/;

interface Damage {
  readonly what: string;
  readonly spoil: (path: string) => void;
  readonly code: RegExp;
  /** What must be said besides the name of the file. */
  readonly says: RegExp;
  readonly raw: boolean;
}

function overwrite(path: string, offset: number, bytes: Buffer): void {
  const data = readFileSync(path);
  bytes.copy(data, offset);
  writeFileSync(path, data);
}

/** Magic numbers and records: where the first record's length stands. */
const firstRecord = (path: string): number => (path.endsWith('inventory.img') ? 4 : 8);

const DAMAGES: readonly Damage[] = [
  {
    what: 'is missing',
    spoil: (path) => rmSync(path),
    code: /^CR_IMAGE_(MISSING|BAD)$/,
    says: /does not exist|is missing|has no/,
    raw: true,
  },
  { what: 'is empty', spoil: (path) => truncateSync(path, 0), code: /^CR_IMAGE_BAD$/, says: /at byte \d+|bytes/, raw: true },
  { what: 'ends in its magic', spoil: (path) => truncateSync(path, 3), code: /^CR_IMAGE_BAD$/, says: /at byte \d+/, raw: false },
  {
    what: 'lost its last byte',
    spoil: (path) => truncateSync(path, statSync(path).size - 1),
    code: /^CR_IMAGE_BAD$/,
    says: /at byte \d+|bytes/,
    raw: true,
  },
  {
    what: 'has another magic',
    spoil: (path) => overwrite(path, 0, Buffer.from([0x11, 0x22, 0x33, 0x44])),
    code: /^CR_IMAGE_BAD$/,
    says: /at byte \d+.*magic/,
    raw: false,
  },
  {
    what: 'is garbage',
    spoil: (path) => writeFileSync(path, Buffer.alloc(4000, 0xa7)),
    code: /^CR_IMAGE_BAD$/,
    says: /at byte \d+/,
    raw: false,
  },
  {
    what: 'has a record of 2 GiB',
    spoil: (path) => overwrite(path, firstRecord(path), Buffer.from([0, 0, 0, 0x7f])),
    code: /^CR_IMAGE_BAD$/,
    says: /at byte \d+/,
    raw: false,
  },
  {
    what: 'has garbage for its first record',
    spoil: (path) => {
      const length = readFileSync(path).readUInt32LE(firstRecord(path));
      overwrite(path, firstRecord(path) + 4, Buffer.alloc(length, 0xff));
    },
    code: /^CR_IMAGE_BAD$/,
    says: /at byte \d+/,
    raw: false,
  },
];

describe('a restore of damaged images', { skip: root }, () => {
  let subject: Subject;
  let scenario: Scenario;
  let work: string;
  let clean: string[];
  let orphans: Orphanage;

  before(async () => {
    scenario = scenarioOf(victims().find(({ name }) => name === 'fault-mix')!);
    subject = new Subject('broken');
    work = join(subject.folder, 'damaged');
    await scenario.start(subject);
    orphans = new Orphanage(subject);
    await subject.dump(ours, scenario.dumpOptions);
    await subject.waitGone('after the dump');
    orphans.reap();
    clean = leftovers(subject);
  });
  after(async () => {
    await subject.close();
    orphans.close();
  });

  /** @returns the error of a restore of a set in which one file was changed */
  async function restoreOf(name: string, spoil: (path: string) => void): Promise<CrError> {
    rmSync(work, { recursive: true, force: true });
    mkdirSync(work);
    cpSync(subject.images, work, { recursive: true });
    spoil(join(work, name));
    const left = readdirSync(work).sort();
    const error: unknown = await restore({ imagesDir: work, detached: true }).then(
      () => null,
      (reason: unknown) => reason,
    );
    if (error === null) await endTree(subject);
    orphans.reap();
    assert.ok(error instanceof CrError, `${name}: ${error instanceof Error ? String(error.stack) : 'it was restored'}`);
    assert.equal(error.target, 'not started', error.report());
    assert.deepEqual(subject.processes(), [], name);
    assert.deepEqual(readdirSync(work).sort(), left, name);
    assert.deepEqual(leftovers(subject), clean, name);
    return error;
  }

  for (const { what, spoil, code, says, raw } of DAMAGES)
    test(`a file ${what}`, async () => {
      const names = readdirSync(subject.images).filter((name) => name.endsWith('.img') && !NOT_READ.test(name) && (raw || !RAW.test(name)));
      assert.ok(names.length > 15, names.join(' '));
      for (const name of names) {
        if (statSync(join(subject.images, name)).size <= firstRecord(name) + 4 && !/missing|magic/.test(what)) continue;
        const error = await restoreOf(name, spoil);
        assert.match(error.code, code, `${name}: ${error.report()}`);
        assert.ok(error.message.includes(name), `${name} is not named: ${error.report()}`);
        assert.match(error.report(), says, name);
      }
    });

  const FIELDS: readonly [image: string, what: string, change: (entry: Record<string, unknown>) => void, says: RegExp][] = [
    ['core', 'a task state that does not exist', (e) => ((e.tc as Record<string, unknown>).task_state = 99), /core-\d+\.img/],
    [
      'mm',
      'a mapping above the address space',
      (e) => ((e.vmas as { start: string; end: string }[])[0]!.end = '0xffffffffffff0000'),
      /mm-\d+\.img/,
    ],
    ['pstree', 'a pid of 0', (e) => (e.pid = 0), /pstree\.img/],
    ['pstree', 'a parent that is not in the tree', (e) => (e.ppid = 999_999), /pstree\.img/],
    ['fdinfo', 'a descriptor of -1', (e) => (e.fd = 0xffff_ffff), /fdinfo-\d+\.img/],
    ['pagemap', 'pages behind the end of the address space', (e) => (e.vaddr = '0xfffffffffffff000'), /pagemap-\d+\.img/],
    ['inventory', 'a version from the future', (e) => (e.img_version = 99), /inventory\.img/],
  ];
  for (const [image, what, change, says] of FIELDS)
    test(`${image}: ${what}`, async () => {
      const name = readdirSync(subject.images)
        .sort()
        .find((one) => one === `${image}.img` || one.startsWith(`${image}-`));
      assert.ok(name, `no image ${image}`);
      const error = await restoreOf(name, (path) => {
        const shown = criuTs(['show', '--format', 'json', path]);
        assert.equal(shown.status, 0, shown.stderr);
        const parsed = parseJson(shown.stdout) as { entries: Record<string, unknown>[] };
        change(parsed.entries.at(-1)!);
        writeFileSync(path, Buffer.concat(imageFromJson(parsed)));
      });
      assert.match(error.code, /^CR_IMAGE_(BAD|FEATURE)$/, error.report());
      assert.match(error.report(), says);
    });
});
