/** The SDK as a package of its own: what `npm pack` makes works without this repository. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { CrError } from '../../core/errors.js';
import { isDefinition } from '../../core/plugins/load.js';
import type * as Sdk from '../../plugins/sdk/index.js';
import { repository } from '../helpers/run-command.js';
import { installSdk } from '../helpers/sdk-archive.js';

let folder: string;
let sdk: typeof Sdk;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'criu-ts-sdk-'));
  installSdk(folder);
  sdk = (await import(join(folder, 'node_modules/@criu-ts/plugin-sdk/dist/index.js'))) as typeof Sdk;
});
after(() => rmSync(folder, { recursive: true }));

const manifest = { name: 'a_plugin', version: '1.0.0', api: '^1.0.0', image: { writes: '1.0.0', reads: '^1.0.0' }, hooks: {} };

test('it is imported by name, and its plugins are ours', () => {
  assert.ok(isDefinition(sdk.definePlugin({ ...manifest, apply: () => undefined })));
  assert.throws(
    () => sdk.definePlugin({ ...manifest, hooks: { 'dump.saveFil': 'owner' }, apply: () => undefined } as never),
    /did you mean "dump\.saveFile"/,
  );
  const script = "import('@criu-ts/plugin-sdk').then((sdk) => console.log(sdk.PLUGIN_API))";
  assert.equal(execFileSync(process.execPath, ['-e', script], { cwd: folder, encoding: 'utf8' }).trim(), sdk.PLUGIN_API);
});

test('an error that a plugin throws is one of ours, whichever copy of the class made it', () => {
  const error: unknown = new sdk.CrError('CR_PLUGIN', { message: 'x' });
  assert.notEqual(sdk.CrError, CrError);
  assert.ok(error instanceof CrError);
  assert.equal(new Error('x') instanceof CrError, false);
});

test('in the repository the name leads to the same build', async () => {
  const script = "console.log(import.meta.resolve('@criu-ts/plugin-sdk'))";
  const options = { cwd: repository, encoding: 'utf8' } as const;
  const url = execFileSync(process.execPath, ['--input-type=module', '-e', script], options).trim();
  assert.equal(new URL(url).pathname, join(repository, 'plugins/sdk/dist/index.js'));
  const built = (await import(url)) as typeof Sdk;
  assert.equal(built.PLUGIN_NATIVE_ABI, sdk.PLUGIN_NATIVE_ABI);
});

test('package.json of the archive names only files that are in it', () => {
  const root = join(folder, 'node_modules/@criu-ts/plugin-sdk');
  const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    exports: Record<string, string | Record<string, string>>;
  };
  const paths = Object.values(exports).flatMap((value): string[] => (typeof value === 'string' ? [value] : Object.values(value)));
  assert.ok(paths.length >= 3);
  for (const path of paths) assert.ok(readFileSync(join(root, path)).length > 0, path);
});
