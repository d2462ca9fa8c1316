/** Small pure parts of the plugin framework: options, filters of claims, owners, enforcement, the guard. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CrError } from '../../../core/errors.js';
import type { SeenObject } from '../../../core/plugins/contexts.js';
import { demandOf, enforce, imageProblem } from '../../../core/plugins/enforce.js';
import { Claims } from '../../../core/plugins/filter.js';
import { guarded, NO_WATCH } from '../../../core/plugins/guard.js';
import { optionDigest, readOptions } from '../../../core/plugins/option-values.js';
import { ownerOf } from '../../../core/plugins/owner.js';
import type { OptionSpec } from '../../../core/plugins/definition.js';
import type { InventoryEntry } from '../../../core/images/generated/inventory.js';

const specs: Readonly<Record<string, OptionSpec>> = {
  backend: { type: 'enum', doc: 'd', values: ['auto', 'driver'], default: 'auto' },
  lockTimeout: { type: 'number', doc: 'd', min: 0, max: 1000 },
  verbose: { type: 'boolean', doc: 'd' },
  libcuda: { type: 'string', doc: 'd' },
};

test('options: texts of the command line become values, defaults fill in', () => {
  assert.deepEqual(readOptions(specs, { lockTimeout: '20', verbose: '' }), {
    backend: 'auto',
    lockTimeout: 20,
    verbose: true,
    libcuda: undefined,
  });
});

for (const [given, message] of [
  [{ backed: 'x' }, /no option "backed"; did you mean "backend"\?/],
  [{ backend: 'x' }, /option backend must be auto, driver, not "x"/],
  [{ lockTimeout: '-1' }, /option lockTimeout must be a number from 0 to 1000, not "-1"/],
  [{ lockTimeout: 'x' }, /must be a number/],
  [{ verbose: 'maybe' }, /option verbose must be true or false/],
  [{ libcuda: 7 }, /option libcuda must be a text, not 7/],
] as const)
  test(`options: refused ${JSON.stringify(given)}`, () => assert.throws(() => readOptions(specs, given), message));

test('options: the digest does not depend on the order of keys', () => {
  assert.equal(optionDigest({ a: 1, b: 2 }), optionDigest({ b: 2, a: 1 }));
  assert.notEqual(optionDigest({ a: 1 }), optionDigest({ a: 2 }));
});

const object = (more: Partial<SeenObject>): SeenObject => ({
  pid: 1,
  fd: 3,
  type: 'character device',
  link: '/dev/nvidia0',
  major: 195,
  minor: 0,
  inode: 1n,
  proc: '',
  frozen: false,
  ...more,
});

test('claims: a plugin is asked about what its manifest names, and about nothing else', () => {
  const asks = (filter: ConstructorParameters<typeof Claims>[0], more: Partial<SeenObject>, family: string | null = null) =>
    new Claims(filter).file(object(more), () => family);
  assert.ok(asks({ charMajors: [195] }, {}));
  assert.ok(!asks({ charMajors: [195] }, { major: 10 }));
  assert.ok(!asks({ charMajors: [195] }, { type: 'block device' }));
  assert.ok(asks({ blockMajors: [195] }, { type: 'block device' }));
  assert.ok(asks({ paths: ['/dev/nvidia*'] }, { major: 0 }));
  assert.ok(!asks({ paths: ['/dev/nvidia*'] }, { link: '/dev/nvidia/0' }));
  assert.ok(asks({ paths: ['/dev/**'] }, { link: '/dev/nvidia/0' }));
  assert.ok(!asks({ paths: ['/dev/nvidi.0'] }, {}), 'a dot is a dot');
  const anonymous = { type: 'anonymous', link: 'anon_inode:[io_uring]', major: 0 } as const;
  assert.ok(asks({ anonInodes: ['io_uring'] }, anonymous));
  assert.ok(!asks({ anonInodes: ['eventfd'] }, anonymous));
  assert.ok(asks({ anonInodes: ['inotify'] }, { ...anonymous, link: 'anon_inode:inotify' }));
  const socket = { type: 'socket', link: 'socket:[7]', major: 0 } as const;
  assert.ok(asks({ sockets: ['unix'] }, socket, 'unix'));
  assert.ok(!asks({ sockets: ['unix'] }, socket, 'inet'));
  assert.ok(!asks({ sockets: ['unix'] }, socket, null));
  assert.ok(!asks({}, socket, 'unix'));
});

test('claims of mappings: majors count for devices of their own type, paths for every file', () => {
  const asks = (filter: ConstructorParameters<typeof Claims>[0], type: 'character device' | 'block device' | 'regular', major = 7) =>
    new Claims(filter).mapping({ link: '/dev/thing', type, major });
  assert.ok(asks({ charMajors: [7] }, 'character device'));
  assert.ok(!asks({ charMajors: [7] }, 'block device'));
  assert.ok(asks({ blockMajors: [7] }, 'block device'));
  assert.ok(!asks({ blockMajors: [7] }, 'character device'));
  assert.ok(!asks({ blockMajors: [8] }, 'block device'));
  assert.ok(!asks({ blockMajors: [0], charMajors: [0] }, 'regular', 0));
  assert.ok(asks({ paths: ['/dev/th*'] }, 'regular', 0));
});

test('owners: one claimant has it, two need a ranking', () => {
  const [a, b] = [{ plugin: 'a' }, { plugin: 'b' }];
  const what = () => 'fd 3';
  assert.equal(ownerOf([], [], what), null);
  assert.equal(ownerOf([a], [], what), a);
  assert.equal(ownerOf([a, b], ['c', 'b', 'a'], what), b);
  assert.throws(() => ownerOf([a, b], ['c'], what), /fd 3 is claimed by 2 plugins: a, b/);
});

const inventory = (plugins?: string[]): InventoryEntry => ({
  img_version: 2,
  ...(plugins === undefined ? {} : { plugins_entry: { plugins } }),
});

test('demand: missing, empty, names', () => {
  assert.deepEqual(demandOf(inventory(), ''), { kind: 'all' });
  assert.deepEqual(demandOf(inventory([]), ''), { kind: 'exactly', names: [] });
  assert.deepEqual(demandOf(inventory(['a', 'b', 'a']), ''), { kind: 'exactly', names: ['a', 'b'] });
  assert.throws(() => demandOf(inventory(Array.from({ length: 1001 }, (_, i) => `p${i}`)), 'inventory.img'), /names 1001 plugins/);
});

test('enforcement: every name is told, one that is not satisfied stops it, a waived one does not', () => {
  enforce([
    { name: 'a', state: 'satisfied', text: '' },
    { name: 'b', state: 'waived', text: '' },
  ]);
  const verdicts = [
    { name: 'a', state: 'satisfied', text: '1.0.0' },
    { name: 'b', state: 'missing', text: 'looked in /x' },
    { name: 'c', state: 'unavailable', text: 'no GPU' },
  ] as const;
  assert.throws(
    () => enforce(verdicts),
    (error: unknown) =>
      error instanceof CrError &&
      error.code === 'CR_PLUGIN_MISSING' &&
      error.target === 'not started' &&
      /a: satisfied \(1\.0\.0\)\n.*b: missing \(looked in \/x\)\n.*c: unavailable \(no GPU\)/.test(error.message),
  );
});

test('image versions: of the record, read or not', () => {
  const manifest = { name: 'a', version: '2.0.0', api: '^1.0.0', image: { writes: '2.0.0', reads: '>=1.0.0 <3.0.0' }, hooks: {} };
  const record = (writes: string) => ({
    name: 'a',
    version: '1.0.0',
    api: '^1.0.0',
    image: { writes, reads: '*' },
    hooks: [],
    objects: [],
    options: '',
    facts: {},
  });
  assert.equal(imageProblem(undefined, manifest), null);
  assert.equal(imageProblem(record('1.4.0'), manifest), null);
  assert.match(
    imageProblem(record('3.0.0'), manifest) ?? '',
    /reads images >=1\.0\.0 <3\.0\.0; this one was written by 1\.0\.0 as 3\.0\.0/,
  );
  assert.match(imageProblem(record('junk'), manifest) ?? '', /as junk/);
});

const blame = { plugin: 'p', version: '1.0.0', hook: 'dump.pauseDevices', site: '/x/p.js:3' };

test('the guard: answers pass, errors and silence are blamed, an abort ends the waiting', async () => {
  const limits = { ms: 30, watch: NO_WATCH };
  assert.equal(await guarded(blame, limits, () => 7), 7);
  await assert.rejects(
    guarded(blame, limits, () => Promise.reject(new Error('broken'))),
    /plugin p 1\.0\.0 in dump\.pauseDevices: broken/,
  );
  await assert.rejects(
    guarded(blame, limits, () => new Promise(() => undefined)),
    /did not answer within 30 ms/,
  );
  const abort = new AbortController();
  const waiting = guarded(blame, { ms: 60_000, watch: NO_WATCH, signal: abort.signal }, () => new Promise(() => undefined));
  abort.abort();
  await assert.rejects(waiting, (error: unknown) => error instanceof CrError && error.code === 'CR_ABORTED');
});

test('the guard arms the watchdog later than its own limit, and disarms it on every path', async () => {
  const seen: (number | 'off')[] = [];
  const watch = { arm: (ms: number) => void seen.push(ms), disarm: () => void seen.push('off') };
  await guarded(blame, { ms: 10, watch }, () => 1);
  await assert.rejects(guarded(blame, { ms: 10, watch }, () => Promise.reject(new Error('x'))));
  assert.deepEqual(seen, [2010, 'off', 2010, 'off']);
});
