import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PLUGIN_API } from '../../../core/plugins/api-version.js';
import { manifestDifferences, manifestProblems } from '../../../core/plugins/validate.js';
import type { Manifest } from '../../../core/plugins/definition.js';
import { versionProblem } from '../../../core/plugins/load.js';
import { definePlugin } from '../../../plugins/sdk/define.js';

const good: Manifest = {
  name: 'device_plugin',
  version: '1.0.0',
  api: '^1.0.0',
  image: { writes: '1.0.0', reads: '^1.0.0' },
  hooks: { 'dump.pauseDevices': 'broadcast', 'dump.claimFile': 'claim', 'restore.openFile': 'owner', 'dump.freeze:before': 'stage' },
  claims: { charMajors: [195], paths: ['/dev/nvidia*'] },
  options: { lockTimeout: { type: 'number', doc: 'ms', min: 0 }, backend: { type: 'enum', doc: 'which', values: ['auto'] } },
  capabilities: ['CAP_SYS_PTRACE'],
  deadlines: { 'dump.pauseDevices': 60_000 },
  failPolicy: 'required',
};

test('a good one has no problems', () => {
  assert.deepEqual(manifestProblems(good), []);
  assert.deepEqual(manifestProblems({ ...good, sdk: PLUGIN_API, deadlines: { 'dump.freeze:before': 5 } }), []);
});

const WRONG: readonly (readonly [string, unknown, RegExp])[] = [
  ['unknown key', { ...good, verison: '1' }, /^verison: is not known; did you mean "version"\?$/],
  ['nested unknown key', { ...good, claims: { charMajor: [1] } }, /^claims\.charMajor: is not known; did you mean "charMajors"\?$/],
  ['missing', { ...good, image: undefined }, /^image: is missing$/],
  ['not an object', 'cuda', /^the manifest: must be an object, not "cuda"$/],
  ['bad version', { ...good, version: '1' }, /^version: must be a version such as 1\.2\.3, not "1"$/],
  ['bad range', { ...good, api: 'one' }, /^api: must be a range of versions/],
  ['bad name', { ...good, name: '../x' }, /^name: must be a name/],
  [
    'unknown hook',
    { ...good, sdk: PLUGIN_API, hooks: { 'dump.pauseDevice': 'broadcast' } },
    /^hooks\["dump\.pauseDevice"\]: is no hook; did you mean "dump\.pauseDevices"\?$/,
  ],
  ['wrong kind', { ...good, hooks: { 'dump.pauseDevices': 'claim' } }, /is of kind broadcast, not "claim"$/],
  ['unknown stage', { ...good, sdk: PLUGIN_API, hooks: { 'dump.freez:before': 'stage' } }, /did you mean "dump\.freeze:before"\?$/],
  ['bad option', { ...good, options: { x: { type: 'int', doc: 'd' } } }, /^options\.x\.type: must be string or number or boolean or enum/],
  ['bad capability', { ...good, capabilities: ['SYS_ADMIN'] }, /^capabilities\[0\]: must be a capability/],
  ['bad deadline', { ...good, deadlines: { 'dump.pauseDevices': 0 } }, /^deadlines\.dump\.pauseDevices: must be a whole number/],
  [
    'deadline of no hook',
    { ...good, sdk: PLUGIN_API, deadlines: { 'dump.pauseDevice': 5 } },
    /^deadlines\.dump\.pauseDevice: is no hook; did you mean "dump\.pauseDevices"\?$/,
  ],
  ['bad policy', { ...good, failPolicy: 'maybe' }, /^failPolicy: must be required or optional, not "maybe"$/],
  ['bad major', { ...good, claims: { charMajors: [-1] } }, /^claims\.charMajors\[0\]: must be a whole number from 0 to 4095/],
];
for (const [what, manifest, message] of WRONG)
  test(`refused: ${what}`, () => {
    const problems = manifestProblems(manifest);
    assert.ok(
      problems.some((line) => message.test(line)),
      problems.join('\n'),
    );
  });

test('everything that is wrong is told at once', () => {
  assert.equal(manifestProblems({ ...good, version: '1', api: 'no range', extra: 1 }).length, 3);
});

test('a hook of a later API is not called, when the SDK knew it and the range allows this host', () => {
  const future = { ...good, hooks: { 'dump.later': 'broadcast' } };
  assert.equal(manifestProblems({ ...future, sdk: '1.9.0', api: '^1.0.0' }).length, 0);
  assert.equal(manifestProblems({ ...future, sdk: PLUGIN_API }).length, 1, 'the SDK of this API would have known it');
  assert.equal(manifestProblems({ ...future, sdk: '1.9.0', api: '>=1.9.0' }).length, 1, 'not for this host');
  assert.equal(manifestProblems({ ...future, sdk: '1.9.0', deadlines: { 'dump.later': 5 } }).length, 0);
  assert.equal(manifestProblems(future).length, 0, 'in package.json, which does not say what made it: the definition tells');
});

test('versions: API range, wanted range, ABI of the native part', () => {
  assert.equal(versionProblem(good, '^1.0.0'), null);
  assert.match(versionProblem({ ...good, api: '^2.0.0' }, undefined) ?? '', /works with plugin API \^2\.0\.0, this criu-ts has/);
  assert.match(versionProblem(good, '^2.0.0') ?? '', /is 1\.0\.0, asked for was \^2\.0\.0/);
  assert.match(versionProblem({ ...good, native: { path: 'native', abi: 99 } }, undefined) ?? '', /native part of ABI 99/);
});

test('definePlugin lists every mistake, stamps the API of the SDK and freezes', () => {
  assert.throws(() => definePlugin({ ...good, version: '1', apply: undefined as never }), /version: .*; apply: must be a function/);
  const plugin = definePlugin({ ...good, apply: () => undefined });
  assert.equal(plugin.sdk, PLUGIN_API);
  assert.ok(Object.isFrozen(plugin));
});

test('package.json and definition must say the same', () => {
  assert.deepEqual(manifestDifferences(good, { ...good, sdk: '1.0.0' }), []);
  assert.deepEqual(manifestDifferences(good, { ...good, version: '1.0.1' }), ['version: package.json and the definition differ']);
  // The order of keys means nothing.
  assert.deepEqual(manifestDifferences(good, { ...good, image: { reads: '^1.0.0', writes: '1.0.0' } }), []);
});
