/** The three ways in which a criu.config.ts gets its types (core/docs/config.md): checked by the compiler, and read by the command. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { launcher, repository } from '../helpers/run-command.js';
import { installSdk, linkPackages } from '../helpers/sdk-archive.js';

const root = mkdtempSync(join(tmpdir(), 'criu-ts-config-types-'));
after(() => rmSync(root, { recursive: true }));

const compiler = join(repository, 'node_modules/typescript/bin/tsc');

/** What the compiler says about a file, without a tsconfig.json; empty when it has no objection. */
function compile(folder: string): string {
  const options = ['--noEmit', '--strict', '--target', 'es2022', '--module', 'nodenext', '--skipLibCheck'];
  return spawnSync(process.execPath, [compiler, ...options, 'criu.config.ts'], { cwd: folder, encoding: 'utf8' }).stdout;
}

const WAYS = [
  {
    name: 'criu-ts is linked beside the file',
    prepare: (folder: string) => linkPackages(folder, ['criu-ts']),
    file: (body: string) => `import { defineConfig } from 'criu-ts';\nexport default defineConfig(${body});\n`,
  },
  {
    name: 'only the SDK is installed',
    prepare: (folder: string) => void installSdk(folder),
    file: (body: string) => `import { defineConfig } from '@criu-ts/plugin-sdk';\nexport default defineConfig(${body});\n`,
  },
  {
    name: 'nothing is installed but the command, and its folder is named',
    prepare: () => undefined,
    file: (body: string) =>
      `import type { CriuConfig } from '${repository}/dist/core/index.js';\nexport default ${body} satisfies CriuConfig;\n`,
  },
] as const;

for (const { name, prepare, file } of WAYS)
  test(name, () => {
    const folder = join(root, String(WAYS.findIndex((way) => way.name === name)));
    mkdirSync(folder);
    prepare(folder);
    const path = join(folder, 'criu.config.ts');
    writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
    writeFileSync(path, file(`{ timout: 7 }`));
    assert.match(compile(folder), /criu\.config\.ts\(2,\d+\): error TS2561: .*'timout'.*'timeout'/);
    writeFileSync(path, file(`{ timeout: 7, plugins: ['cuda'] }`));
    assert.equal(compile(folder), '');
    const done = spawnSync(launcher, ['config', '--format', 'json', '--config', path], { cwd: '/', encoding: 'utf8', timeout: 60_000 });
    assert.equal(done.status, 0, done.stderr);
    assert.deepEqual((JSON.parse(done.stdout) as { options: Record<string, { value: unknown }> }).options['timeoutMs']?.value, 7000);
  });
