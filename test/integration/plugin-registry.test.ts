/** What an author does, with the npm registry: the steps of the CI file that `criu-ts plugin new` makes, and every block of the SDK's tutorial. */
import assert from 'node:assert/strict';
import { spawnSync, type SpawnSyncReturns } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test, type TestContext } from 'node:test';
import { runPluginNew } from '../../core/cli/plugin-new.js';
import { until } from '../../plugins/sdk/testing/victim.js';
import { isGone } from '../helpers/device-case.js';
import { launcher, repository } from '../helpers/run-command.js';

let folder: string;
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'criu-ts-author-'));
});
after(() => rmSync(folder, { recursive: true }));

const OFFLINE = /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|ENETUNREACH/;

const SECONDS = 300;
/** Exit status of timeout(1) when the time was over. */
const LATE = [124, 137];

/** Runs lines of a shell as an author would: none of the variables of this test, criu-ts in PATH. What takes too long ends with all that it started (timeout(1)). */
function bash(cwd: string, lines: string, seconds: number): SpawnSyncReturns<string> {
  const path = `${dirname(launcher)}:${dirname(process.execPath)}:/usr/sbin:/usr/bin:/sbin:/bin`;
  // Nothing that is started in the background may hold our pipes.
  const options = { cwd, encoding: 'utf8', env: { PATH: path, HOME: process.env['HOME'] ?? '/', CI: 'true' } } as const;
  return spawnSync('timeout', ['--kill-after=5', String(seconds), '/bin/bash', '-e', '-c', lines], options);
}

/** The output; null when the registry cannot be reached. */
function shell(t: TestContext, cwd: string, lines: string): string | null {
  const done = bash(cwd, lines, SECONDS);
  assert.ok(!LATE.includes(done.status ?? 0), `took longer than ${SECONDS} s: ${lines}\n${done.stdout}${done.stderr}`);
  if (done.status !== 0 && OFFLINE.test(done.stderr)) {
    t.skip('the npm registry cannot be reached');
    return null;
  }
  assert.equal(done.status, 0, `${lines}\n${done.stdout}${done.stderr}`);
  return done.stdout;
}

test('lines that take too long end with everything that they started', async () => {
  const done = bash(folder, 'sleep 1000 & echo $!; wait', 1);
  assert.ok(LATE.includes(done.status ?? 0), `status ${done.status}`);
  const child = Number(done.stdout);
  assert.ok(child > 0, done.stdout);
  await until('the end of what was started', () => isGone(child));
});

/** The plain variant has the same steps; the tutorial takes it through them. */
test('the steps of the CI file of a new plugin with a native part pass', (t) => {
  const project = join(folder, 'native');
  runPluginNew(['my-thing', project], true);
  const workflow = readFileSync(join(project, '.github/workflows/test.yml'), 'utf8');
  const steps = [...workflow.matchAll(/^ +- run: (.+)$/gm)].map(([, command]) => command!);
  assert.deepEqual(steps, ['npm install', 'npm test']);
  const output = shell(t, project, steps.join('\n'));
  if (output !== null) assert.match(output, /^(?:#|ℹ) pass 2$/m);
});

interface Block {
  readonly language: string;
  readonly text: string;
}

/** Code of a page, without the indentation of its list. */
function blocksOf(page: string): Block[] {
  return [...page.matchAll(/^( *)```(\w+)\n(.*?)^\1```$/gms)].map(([, indent = '', language = '', text = '']) => ({
    language,
    text: text.replace(new RegExp(`^${indent}`, 'gm'), ''),
  }));
}

test('the tutorial works block by block, and ends with a plugin that carries /dev/fuse', (t) => {
  const blocks = blocksOf(readFileSync(join(repository, 'plugins/sdk/docs/tutorial.md'), 'utf8'));
  assert.deepEqual(
    blocks.map(({ language }) => language),
    ['sh', 'json', 'sh', 'ts', 'sh'],
  );
  const [create, claims, attempt, sweep, run] = blocks.map(({ text }) => text) as [string, string, string, string, string];
  const created = shell(t, folder, create);
  if (created === null) return;
  assert.match(created, /^(?:#|ℹ) pass 2$/m);
  const project = join(folder, 'criu-plugin-fuse');
  const path = join(project, 'package.json');
  const data = JSON.parse(readFileSync(path, 'utf8')) as { 'criu-ts': object };
  const changed = { ...data, 'criu-ts': { ...data['criu-ts'], ...(JSON.parse(`{${claims}}`) as object) } };
  writeFileSync(path, JSON.stringify(changed));
  const tried = shell(t, project, attempt);
  assert.match(tried!, /fuse_plugin: satisfied/);
  assert.match(tried!, /^\/dev\/fuse$/m);
  const record = JSON.parse(readFileSync(join(project, 'images/plugins.json'), 'utf8')) as { plugins: { name: string }[] };
  assert.deepEqual(
    record.plugins.map(({ name }) => name),
    ['fuse_plugin'],
  );
  writeFileSync(join(project, 'test/real.test.ts'), sweep);
  assert.match(shell(t, project, run)!, /^(?:#|ℹ) pass 1$/m);
});
