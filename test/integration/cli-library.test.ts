/** The package as another project sees it: `import { dump, restore, check } from 'criu-ts'`, typed. */
import assert from 'node:assert/strict';
import { type SpawnSyncReturns, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readlinkSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { until } from '../../plugins/sdk/testing/victim.js';
import { repository } from '../helpers/run-command.js';

const project = mkdtempSync(join(tmpdir(), 'criu-ts-library-'));
mkdirSync(join(project, 'node_modules/@types'), { recursive: true });
symlinkSync(repository, join(project, 'node_modules/criu-ts'));
symlinkSync(join(repository, 'node_modules/@types/node'), join(project, 'node_modules/@types/node'));
writeFileSync(join(project, 'package.json'), '{ "name": "user", "type": "module" }');
const victim = spawn('sleep', ['1000'], { detached: true, stdio: 'ignore' });
after(() => {
  victim.kill('SIGKILL');
  rmSync(project, { recursive: true });
});

/** Runs a module of the other project; it prints one JSON value. */
function run(source: string): unknown {
  writeFileSync(join(project, 'main.mjs'), source);
  const done = spawnSync(process.execPath, ['main.mjs'], {
    cwd: project,
    encoding: 'utf8',
    env: { ...process.env, VICTIM: String(victim.pid) },
  });
  assert.equal(done.stderr, '');
  assert.equal(done.status, 0);
  return JSON.parse(done.stdout);
}

test('check: a report, nothing printed', () => {
  const seen = run(`
    import { check, featureNames } from 'criu-ts';
    const one = await check({ feature: 'ns_pid' });
    console.log(JSON.stringify([featureNames().length, one.ok, one.features.map((f) => f.name), one.fatal]));
  `);
  assert.deepEqual(seen, [45, true, ['ns_pid'], []]);
});

test('dump: a dry run, with progress events and a log of the caller', () => {
  const seen = run(`
    import { createLog, dump } from 'criu-ts';
    const stages = [], lines = [];
    const result = await dump({
      pid: Number(process.env.VICTIM), imagesDir: '.', dryRun: true,
      onProgress: ({ stage }) => stages.push(stage),
      log: createLog({ verbosity: 4, sink: (line) => lines.push(line) }),
    });
    console.log(JSON.stringify([result.tasks, result.threads, result.state, stages, lines.some((line) => line.includes('Stage preflight took'))]));
  `);
  assert.deepEqual(seen, [1, 1, 'running', ['prepare', 'preflight'], true]);
});

test('failures are CrErrors with code, subject, target and next step', () => {
  const seen = run(`
    import { CrError, dump, restore } from 'criu-ts';
    const fail = (work) => work.then(() => 'succeeded', (e) => [e instanceof CrError, e.code, e.subject.pid ?? e.subject.path, e.target, e.hint !== '']);
    console.log(JSON.stringify([await fail(dump({ pid: 4194303, imagesDir: '.' })), await fail(restore({ imagesDir: '/nonexistent' }))]));
  `);
  assert.deepEqual(seen, [
    [true, 'CR_NO_PROCESS', 4194303, 'not started', true],
    [true, 'CR_IMAGE_DIR', '/nonexistent', 'not started', true],
  ]);
});

test('an AbortSignal ends a dump, and the target runs on', () => {
  const seen = run(`
    import { dump } from 'criu-ts';
    const pid = Number(process.env.VICTIM);
    const results = [];
    for (const at of ['prepare', 'preflight', 'freeze', 'memory', 'write']) {
      const abort = new AbortController();
      const options = { pid, imagesDir: '.', signal: abort.signal, onProgress: ({ stage }) => stage === at && abort.abort() };
      results.push(await dump(options).then(() => at + ' went on', (e) => e.code + ' ' + e.target));
    }
    console.log(JSON.stringify(results));
  `);
  assert.deepEqual(seen, Array(5).fill('CR_ABORTED running'));
  assert.match(readFileSync(`/proc/${victim.pid}/status`, 'utf8'), /^State:\s*[RS][^]*^TracerPid:\s*0$/m);
});

test('plugins: a TypeScript file by its path, with options; relative to the working folder', async () => {
  writeFileSync(
    join(project, 'fuse.ts'),
    `import { definePlugin, type PluginHost } from '@criu-ts/plugin-sdk';
    import { openSync } from 'node:fs';
    const FILE: \`\${string}.txt\` = 'fuse_plugin-path.txt';
    export default definePlugin({
      name: 'fuse_plugin', version: '1.0.0', api: '^1.0.0', image: { writes: '1.0.0', reads: '^1.0.0' },
      hooks: { 'dump.claimFile': 'claim', 'dump.saveFile': 'owner', 'restore.openFile': 'owner' },
      claims: { paths: ['/dev/fuse'] },
      options: { label: { type: 'string', doc: 'For the record.', default: 'none' } },
      apply(host: PluginHost): void {
        host.on('dump.claimFile', () => ({ what: 'fuse, ' + host.options['label'] }));
        host.on('dump.saveFile', ({ link }) => host.images.write(FILE, link));
        host.on('restore.openFile', () => ({ fd: openSync(Buffer.from(host.images.read(FILE)).toString(), 'r+') }));
      },
    });`,
  );
  const held = spawn('/bin/bash', ['-c', 'exec 7<>/dev/fuse; exec sleep 1000'], { detached: true, stdio: 'ignore' });
  try {
    await until('the target sleeping', () => readFileSync(`/proc/${held.pid}/comm`, 'utf8') === 'sleep\n');
    run(`
      import { dump } from 'criu-ts';
      await dump({ pid: ${held.pid}, imagesDir: '.', plugins: [['./fuse.ts', { label: 'typed' }]] });
      console.log(null);
    `);
    const record = JSON.parse(readFileSync(join(project, 'plugins.json'), 'utf8')) as { plugins: { objects: { what: string }[] }[] };
    assert.deepEqual(
      record.plugins.map(({ objects }) => objects[0]?.what),
      ['fuse, typed'],
    );
    await until('its end', () => held.signalCode !== null);
    const pid = run(`
      import { restore } from 'criu-ts';
      console.log((await restore({ imagesDir: '.', detached: true, plugins: ['./fuse.ts'] })).pid);
    `);
    assert.equal(pid, held.pid);
    assert.equal(readlinkSync(`/proc/${held.pid}/fd/7`), '/dev/fuse');
  } finally {
    // Also the restored one, which is no child of ours.
    if (existsSync(`/proc/${held.pid}`)) process.kill(held.pid!, 'SIGKILL');
  }
});

test('the types are those of the functions', () => {
  writeFileSync(
    join(project, 'user.ts'),
    `
    import { check, dump, restore, CrError, type CheckReport, type DumpResult, type ProgressEvent, type RestoreResult } from 'criu-ts';
    export const reports: Promise<CheckReport> = check({ extra: true });
    export const dumped: Promise<DumpResult> = dump({ pid: 1, leaveRunning: true, signal: new AbortController().signal, onProgress: (e: ProgressEvent) => void e.done });
    export const restored: Promise<RestoreResult> = restore({ imagesDir: 'x', detached: true });
    export const code = (e: CrError): 'CR_USAGE' | false => e.code === 'CR_USAGE' && e.code;
    // @ts-expect-error a dump needs a pid
    export const wrong = dump({});
    // @ts-expect-error there is no such option
    export const typo = dump({ pid: 1, leaveRuning: true });
    `,
  );
  const tsc = join(repository, 'node_modules/typescript/lib/tsc.js');
  const options = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2023', '--types', 'node', 'user.ts'];
  const done: SpawnSyncReturns<string> = spawnSync(process.execPath, [tsc, ...options], { cwd: project, encoding: 'utf8' });
  assert.equal(done.stdout, '');
  assert.equal(done.status, 0);
});
