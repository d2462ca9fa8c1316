import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { ImageWriter, writeServiceImage } from '../../../core/images/writer.js';
import { inFolder } from './folder.js';

const MAIN = join(import.meta.dirname, '../../../core/cli/main.js');

/** The command line in a process of its own, without the bundle. */
function command(args: readonly string[], input?: string | Buffer): { status: number | null; stdout: Buffer; stderr: string } {
  const code = `import(${JSON.stringify(MAIN)}).then(async ({ main }) => process.exit(await main(process.argv.slice(1))))`;
  const done = spawnSync(process.execPath, ['-e', code, '--', ...args, '--no-default-config'], { input });
  return { status: done.status, stdout: done.stdout, stderr: done.stderr.toString() };
}

function makeSet(dir: string): void {
  const writer = new ImageWriter(dir);
  writer.add('pstree', 0, { pid: 10, ppid: 0, pgid: 10, sid: 10, threads: [10, 12] });
  writer.add('pstree', 0, { pid: 11, ppid: 10, pgid: 10, sid: 10, threads: [11] });
  const tc = { exit_code: 0, personality: 0, flags: 0, blk_sigset: 1n << 63n, sigactions: [] };
  writer.add('core', 10, { mtype: 1, tc: { ...tc, task_state: 1, comm: 'bash\u001b[2J' } });
  writer.add('core', 11, { mtype: 1, tc: { ...tc, task_state: 6, comm: 'child' } });
  writer.add('pipes-data', 0, { pipe_id: 1, bytes: 3 }, Buffer.from('abc'));
  writer.rawFile('pages-1.img');
  writer.finish({ img_version: 2, plugins_entry: { plugins: ['cuda_plugin'] } });
  writeServiceImage(dir, 'stats-restore', {});
}

describe('show and encode', () => {
  test(
    'a folder: the tree first, then every image, raw files by size',
    inFolder((dir) => {
      makeSet(dir);
      const { status, stdout, stderr } = command(['show', dir]);
      assert.equal(status, 0, stderr);
      const lines = stdout.toString().split('\n');
      assert.ok(lines.includes('  plugins: cuda_plugin'), stdout.toString());
      assert.ok(lines.some((line) => /^ +10 +0 +10 +10 +2 +alive {2}"bash\\u001b\[2J"$/.test(line)));
      assert.ok(lines.some((line) => /^ +11 +10 +10 +10 +1 +zombie {4}child$/.test(line)));
      assert.ok(lines.includes('pages-1.img: raw data, 0 bytes'));
      assert.ok(lines.includes('  [0]: pipe_id=1 bytes=3 extra=3 bytes'));
      assert.ok(!stdout.includes(0x1b));
    }),
  );

  test(
    'show --format json and --pretty, then encode: the same bytes, by file and by pipe',
    inFolder((dir) => {
      makeSet(dir);
      for (const name of readdirSync(dir).filter((file) => !file.startsWith('pages'))) {
        const path = join(dir, name);
        const shown = command([
          'show',
          path,
          name.startsWith('core') ? '--pretty' : '--format',
          ...(name.startsWith('core') ? [] : ['json']),
        ]);
        assert.equal(shown.status, 0, shown.stderr);
        const piped = command(['encode', '-'], shown.stdout);
        assert.equal(piped.status, 0, piped.stderr);
        assert.deepEqual(piped.stdout, readFileSync(path), name);
      }
      const json = join(dir, 'x.json');
      writeFileSync(json, command(['show', join(dir, 'core-10.img'), '--json']).stdout);
      const { status, stderr } = command(['encode', json, join(dir, 'out.img')]);
      assert.equal(status, 0, stderr);
      assert.deepEqual(readFileSync(join(dir, 'out.img')), readFileSync(join(dir, 'core-10.img')));
    }),
  );

  test(
    'a folder as JSON is one document',
    inFolder((dir) => {
      makeSet(dir);
      const { stdout } = command(['show', '--json', dir]);
      const all = JSON.parse(stdout.toString()) as Record<string, { magic?: string; bytes?: number }>;
      assert.deepEqual(Object.keys(all), [
        'core-10.img',
        'core-11.img',
        'inventory.img',
        'pages-1.img',
        'pipes-data.img',
        'pstree.img',
        'stats-restore',
      ]);
      assert.equal(all['core-10.img']?.magic, 'CORE');
      assert.deepEqual(all['pages-1.img'], { bytes: 0 });
    }),
  );

  test(
    'damage is reported with file and offset, does not hide other images, and ends with 1',
    inFolder((dir) => {
      makeSet(dir);
      const core = join(dir, 'core-10.img');
      writeFileSync(core, readFileSync(core).subarray(0, 20));
      const folder = command(['show', dir]);
      assert.equal(folder.status, 1);
      assert.match(folder.stderr, /CR_IMAGE_BAD .*core-10\.img at byte 12/);
      assert.match(folder.stdout.toString(), /pstree\.img: PSTREE/);
      const raw = command(['show', join(dir, 'pages-1.img'), '--json']);
      assert.equal(raw.status, 1);
      assert.match(raw.stderr, /holds raw data/);
      writeFileSync(join(dir, 'odd.img'), 'garbage!');
      const odd = command(['show', join(dir, 'odd.img')]);
      assert.equal(odd.status, 1);
      assert.match(odd.stderr, /odd\.img at byte 0: unknown magic 0x62726167/);
      assert.doesNotMatch(odd.stderr, /\n {4}at /);
      mkdirSync(join(dir, 'sub'));
      assert.equal(command(['show', join(dir, 'none')]).status, 1);
      assert.match(command(['show', join(dir, 'sub')]).stdout.toString(), /no inventory\.img: not a complete set/);
    }),
  );

  test(
    'JSON that is none, or does not fit, leaves the old image alone',
    inFolder((dir) => {
      const image = join(dir, 'fs-1.img');
      writeFileSync(image, 'old');
      const json = join(dir, 'bad.json');
      writeFileSync(json, '{"magic": "FS", }');
      const syntax = command(['encode', json, image]);
      assert.equal(syntax.status, 1);
      assert.match(syntax.stderr, /CR_IMAGE_BAD .*bad\.json: is not JSON: .*position 16/);
      writeFileSync(json, '{"magic": "FS", "entries": [{"cwd_id": 1}]}');
      const field = command(['encode', json, image]);
      assert.equal(field.status, 1);
      assert.match(field.stderr, /bad\.json: entries\[0\]: .*root_id: required, but missing/);
      assert.equal(command(['encode', join(dir, 'none.json'), image]).status, 1);
      writeFileSync(json, '{"magic": "FS", "entries": [{"cwd_id": 1, "root_id": 2}]}');
      assert.match(command(['encode', json, join(dir, 'none/x.img')]).stderr, /CR_IMAGE_WRITE .*ENOENT/);
      assert.equal(readFileSync(image, 'utf8'), 'old');
      assert.deepEqual(readdirSync(dir).sort(), ['bad.json', 'fs-1.img']);
    }),
  );

  test(
    'a reader that goes away is no failure',
    inFolder((dir) => {
      const writer = new ImageWriter(dir);
      writer.add('pagemap', 1, { pages_id: 1 });
      for (let i = 0; i < 20_000; i++) writer.add('pagemap', 1, { vaddr: BigInt(i) << 14n, compat_nr_pages: 1, flags: 4, nr_pages: 1n });
      writer.finish({ img_version: 2 });
      const code = `import(${JSON.stringify(MAIN)}).then(async ({ main }) => process.exit(await main(process.argv.slice(1))))`;
      const shell = '"$0" -e "$1" -- show "$2" --no-default-config | head -n 1; echo "${PIPESTATUS[0]}"';
      const done = spawnSync('bash', ['-c', shell, process.execPath, code, join(dir, 'pagemap-1.img')], { encoding: 'utf8' });
      assert.match(done.stdout, /^pagemap-1\.img: PAGEMAP, \d+ bytes\n0\n$/);
      assert.equal(done.stderr, '');
    }),
  );
});
