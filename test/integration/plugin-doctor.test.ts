/** `criu-ts plugin doctor`: where a plugin is, what it asks for, whether that is here, why it is off, and what it says itself. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { manifest, writePlugin } from '../helpers/plugin-folder.js';
import { criuTs } from '../helpers/run-command.js';

const folder = mkdtempSync(join(tmpdir(), 'criu-ts-doctor-'));
after(() => rmSync(folder, { recursive: true }));

const plugins = join(folder, 'plugins');
const at = (name: string) => join(plugins, name);
writePlugin(plugins, manifest('fine_plugin', { host: { anyOf: ['/no/such', '/dev/null'] }, capabilities: ['CAP_KILL'] }), {
  members: `options: { room: { type: 'number', doc: 'MiB.', default: 7 } }, doctor: ({ room }) => ['driver: version 12', 'memory: ' + room + ' MiB']`,
  written: {
    ...manifest('fine_plugin', { host: { anyOf: ['/no/such', '/dev/null'] }, capabilities: ['CAP_KILL'] }),
    options: { room: { type: 'number', doc: 'MiB.', default: 7 } },
  },
});
writePlugin(plugins, manifest('absent_plugin', { host: { anyOf: ['/no/such/device'] } }));
writePlugin(plugins, manifest('useless_plugin'), { members: `probe: () => 'the driver is too old: 11, needed is 12'` });
writePlugin(plugins, manifest('future_plugin', { api: '^9.0.0' }));
writePlugin(plugins, manifest('foreign_plugin', { native: { path: 'native', abi: 7 } }));
writePlugin(plugins, manifest('unbuilt_plugin', { native: { path: 'native', abi: 1 } }));
writePlugin(plugins, manifest('throwing_plugin'), { members: `doctor: () => { throw new Error('the device does not answer'); }` });
writePlugin(plugins, manifest('rambling_plugin'), { members: `doctor: () => 'all is well'` });
mkdirSync(at('torn_plugin'));
writeFileSync(join(at('torn_plugin'), 'package.json'), '{ "name": "torn_plugin", "criu-ts": { "name": "torn_plugin" } }');

function doctor(...words: readonly string[]): { status: number | null; text: string } {
  const { status, stdout, stderr } = criuTs(['plugin', 'doctor', ...words, '--plugin-dir', plugins, '--disable-plugin', 'cuda', '-v1']);
  assert.equal(stderr, '');
  return { status, text: stdout };
}

/** The lines about one plugin. */
function about(text: string, name: string): string[] {
  const lines = text.split('\n');
  const first = lines.findIndex((line) => line.startsWith(`${name} `));
  assert.ok(first >= 0, `nothing about ${name}: ${text}`);
  const next = lines.findIndex((line, i) => i > first && !line.startsWith(' '));
  return lines.slice(first, next);
}

const API = '  plugin API     ok: works with ^1.0.0; this criu-ts has 1.0.0';
const NO_NATIVE = '  native part    ok: it has none';
const NO_DEVICE = '  device         ok: its manifest asks for none; its probe may';
const NO_RIGHTS = '  capabilities   ok: it asks for none';

test('every plugin: found where, API, ABI, device, capabilities, why it is off, what it says', () => {
  const { status, text } = doctor();
  assert.equal(status, 0);
  const found = (name: string) => `  found          ${at(name)}`;
  assert.deepEqual(about(text, 'fine_plugin'), [
    'fine_plugin 1.0.0: enabled',
    `${found('fine_plugin')}/index.js`,
    API,
    NO_NATIVE,
    '  device         ok: /dev/null is here',
    '  capabilities   ok: CAP_KILL',
    '  driver: version 12',
    '  memory: 7 MiB',
  ]);
  assert.deepEqual(about(text, 'absent_plugin'), [
    'absent_plugin 1.0.0: off',
    found('absent_plugin'),
    API,
    NO_NATIVE,
    '  device         NO: this host has none of /no/such/device',
    NO_RIGHTS,
    '  why off        this host has none of /no/such/device',
  ]);
  assert.deepEqual(about(text, 'useless_plugin').slice(-3), [
    NO_DEVICE,
    NO_RIGHTS,
    '  why off        the driver is too old: 11, needed is 12',
  ]);
  assert.ok(about(text, 'future_plugin').includes('  plugin API     NO: works with ^9.0.0; this criu-ts has 1.0.0'));
  assert.deepEqual(about(text, 'future_plugin').slice(-1), [
    '  why off        future_plugin 1.0.0 works with plugin API ^9.0.0, this criu-ts has 1.0.0',
  ]);
  assert.ok(about(text, 'foreign_plugin').includes('  native part    NO: built for ABI 7; this criu-ts has 1'));
  const unbuilt = about(text, 'unbuilt_plugin').find((line) => line.includes('native part'));
  assert.match(
    unbuilt ?? '',
    /NO: built for ABI 1; this criu-ts has 1; there is no addon in \S+prebuilt\/linux-\S+ or \S+Release: build it/,
  );
  assert.match(
    about(text, 'torn_plugin').join('\n'),
    /^torn_plugin \?: broken\n {2}found +\S+torn_plugin\n {2}why broken +version: is missing; /,
  );
});

test('one whose doctor throws or rambles is a line of the report, and stops nobody', () => {
  const { status, text } = doctor();
  assert.equal(status, 0);
  assert.match(about(text, 'throwing_plugin').at(-1)!, /plugin throwing_plugin 1\.0\.0 in doctor: the device does not answer/);
  assert.equal(about(text, 'rambling_plugin').at(-1), '  its doctor answered string instead of a list of texts');
});

test('one by name: alone, and the status says whether it can work', () => {
  const fine = doctor('fine_plugin');
  assert.equal(fine.status, 0);
  assert.doesNotMatch(fine.text, /absent_plugin/);
  assert.deepEqual(about(fine.text, 'fine_plugin').slice(-2), ['  driver: version 12', '  memory: 7 MiB']);
  const absent = doctor('absent_plugin');
  assert.equal(absent.status, 1);
  assert.match(absent.text, /^absent_plugin 1\.0\.0: off\n/);
  const nobody = criuTs(['plugin', 'doctor', 'nobody', '--plugin-dir', plugins]);
  assert.equal(nobody.status, 1);
  assert.match(nobody.stderr, /there is no plugin "nobody"[^]*criu-ts plugin list/);
});
