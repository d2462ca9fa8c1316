import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, lstatSync, mkdirSync, readFileSync, readdirSync, symlinkSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { InventoryEntry } from '../../../core/images/generated/inventory.js';
import { ImageReader } from '../../../core/images/reader.js';
import { ImageWriter, writeServiceImage } from '../../../core/images/writer.js';
import { inFolder, refused } from './folder.js';

const INVENTORY: InventoryEntry = { img_version: 2, plugins_entry: { plugins: [] } };
const FS = { cwd_id: 1, root_id: 2 };

describe('ImageWriter', () => {
  test(
    'writes magic numbers, lengths and records byte by byte',
    inFolder((dir) => {
      const writer = new ImageWriter(dir);
      writer.add('fs', 7, FS);
      writer.finish(INVENTORY);
      assert.equal(readFileSync(join(dir, 'fs-7.img')).toString('hex'), '19435654' + '12394051' + '04000000' + '08011002');
      assert.equal(readFileSync(join(dir, 'inventory.img')).toString('hex'), '16313158' + '04000000' + '08026200');
      assert.equal(lstatSync(join(dir, 'fs-7.img')).mode & 0o7133, 0);
    }),
  );

  test(
    'what it wrote, the reader reads: all forms of records',
    inFolder((dir) => {
      const writer = new ImageWriter(dir);
      writer.add('pstree', 0, { pid: 5, ppid: 0, pgid: 5, sid: 5, threads: [5, 6] });
      writer.add('pstree', 0, { pid: 6, ppid: 5, pgid: 5, sid: 5, threads: [6] });
      writer.add('pagemap-shmem', 1n << 40n, { pages_id: 3 });
      writer.add('pagemap-shmem', 1n << 40n, { vaddr: 4096n, compat_nr_pages: 2, flags: 4, nr_pages: 2n });
      writer.add('pipes-data', undefined, { pipe_id: 1, bytes: 3 }, Buffer.from('abc'));
      const space = writer.addSpace('pipes-data', undefined, { pipe_id: 2, bytes: 4 }, 4);
      writer.add('pipes-data', undefined, { pipe_id: 3, bytes: 0 });
      writeSync(space.fd, 'WXYZ', space.offset);
      const desc = { key: 1, uid: 0, gid: 0, cuid: 0, cgid: 0, mode: 0, id: 0 };
      writer.add('ipcns-sem', 9, { desc, nsems: 1 }, Buffer.of(1, 0));
      writer.add('ipcns-sem', 9, { desc, nsems: 0 });
      writer.add('ghost-file', 255, { uid: 0, gid: 0, mode: 0, chunks: true });
      writer.add('ghost-file', 255, { len: 2n, off: 8n }, Buffer.from('hi'));
      writer.finish(INVENTORY);

      const reader = new ImageReader(dir);
      assert.deepEqual(
        reader.readAll('pstree').map(({ pid }) => pid),
        [5, 6],
      );
      assert.equal(reader.readPagemap('pagemap-shmem', 1n << 40n).head.pages_id, 3);
      const file = readFileSync(join(dir, 'pipes-data.img'));
      const texts = reader.readWithData('pipes-data').map(({ raw }) => file.toString('latin1', raw.offset, raw.offset + raw.length));
      assert.deepEqual(texts, ['abc', 'WXYZ', '']);
      assert.equal(reader.readAll('ipcns-sem', 9).length, 2);
      assert.ok(existsSync(join(dir, 'ghost-file-ff.img')));
      assert.deepEqual(
        reader.readWithData('ghost-file', 255).map(({ raw }) => raw.length),
        [0, 2],
      );
      assert.deepEqual(reader.readOne('inventory').plugins_entry, { plugins: [] });
    }),
  );

  test(
    'large images are written as they grow, and whole',
    inFolder((dir) => {
      const writer = new ImageWriter(dir);
      writer.add('pagemap', 1, { pages_id: 1 });
      for (let i = 0; i < 50_000; i++) writer.add('pagemap', 1, { vaddr: BigInt(i) * 8192n, compat_nr_pages: 1, flags: 4, nr_pages: 1n });
      assert.ok(lstatSync(join(dir, 'pagemap-1.img')).size > 256 << 10);
      writer.finish(INVENTORY);
      assert.equal(new ImageReader(dir).readPagemap('pagemap', 1).entries.length, 50_000);
    }),
  );

  test(
    'an older set is no set from the first moment, and leaves nothing behind that a restore would read',
    inFolder((dir) => {
      for (const name of ['inventory.img', 'files.img', 'reg-files.img', 'pstree.img', 'cpuinfo.img', 'core-3.img', 'note.txt'])
        writeFileSync(join(dir, name), 'old');
      const writer = new ImageWriter(dir);
      assert.ok(!existsSync(join(dir, 'inventory.img')));
      writer.add('pstree', 0, { pid: 1, ppid: 0, pgid: 1, sid: 1, threads: [1] });
      writer.finish(INVENTORY);
      assert.deepEqual(readdirSync(dir).sort(), ['core-3.img', 'cpuinfo.img', 'inventory.img', 'note.txt', 'pstree.img']);
      assert.equal(new ImageReader(dir).readAll('pstree').length, 1);
    }),
  );

  test(
    'the inventory appears after everything else is on disk',
    inFolder((dir) => {
      const writer = new ImageWriter(dir);
      writer.add('fs', 1, FS);
      writer.add('files', 0, ({ type: 99, id: 'no number' } as never) === undefined ? (undefined as never) : { type: 1, id: 1 });
      // A folder where the inventory should be made: the last step fails, and what is there must not look whole.
      mkdirSync(join(dir, 'inventory.img.new'));
      refused(() => writer.finish(INVENTORY), 'CR_IMAGE_WRITE', /inventory\.img\.new: unlink failed with EISDIR/);
      assert.ok(existsSync(join(dir, 'fs-1.img')));
      assert.ok(!existsSync(join(dir, 'inventory.img')));
    }),
  );

  test(
    'abort takes away what was written, before and after finish, and nothing else',
    inFolder((dir) => {
      writeFileSync(join(dir, 'note.txt'), 'mine');
      const early = new ImageWriter(dir);
      early.rawFile('pages-1.img');
      early.addSpace('pipes-data', 0, { pipe_id: 1, bytes: 1 }, 1);
      early.add('fs', 1, FS);
      early.abort();
      assert.deepEqual(readdirSync(dir), ['note.txt']);
      const late = new ImageWriter(dir);
      late.add('fs', 1, FS);
      late.finish(INVENTORY);
      late.abort();
      late.abort();
      assert.deepEqual(readdirSync(dir), ['note.txt']);
    }),
  );

  test(
    'never writes through a link',
    inFolder((dir) => {
      const victim = join(dir, 'victim');
      writeFileSync(victim, 'precious');
      for (const name of ['fs-1.img', 'pages-1.img', 'inventory.img', 'inventory.img.new']) symlinkSync(victim, join(dir, name));
      const writer = new ImageWriter(dir);
      writer.add('fs', 1, FS);
      writeSync(writer.rawFile('pages-1.img'), 'x');
      writer.finish(INVENTORY);
      assert.equal(readFileSync(victim, 'utf8'), 'precious');
      assert.ok(lstatSync(join(dir, 'inventory.img')).isFile());
    }),
  );

  test(
    'errors name file and errno',
    inFolder((dir) => {
      const writer = new ImageWriter(join(dir, 'missing'));
      writer.add('fs', 1, FS);
      const error = refused(() => writer.finish(INVENTORY), 'CR_IMAGE_WRITE', /fs-1\.img: open failed with ENOENT/);
      assert.equal(error.kernel?.errno, 'ENOENT');
    }),
  );

  test(
    'a write that fails half-way (as on a full disk) is CR_IMAGE_WRITE, and abort leaves nothing',
    inFolder((dir) => {
      const script = `
        import { ImageWriter } from ${JSON.stringify(join(import.meta.dirname, '../../../core/images/writer.js'))};
        import { readdirSync } from 'node:fs';
        const writer = new ImageWriter(process.cwd());
        try {
          for (let i = 0; ; i++) writer.add('fdinfo', 1, { id: i, flags: 0, type: 1, fd: i });
        } catch (error) {
          writer.abort();
          console.log(error.code, error.kernel.call, error.kernel.errno, readdirSync('.').length);
        }`;
      // A file may grow to 100 KiB; the signal that says so is ignored, as nothing sends one for a full disk.
      const shell = 'trap "" XFSZ; ulimit -f 100; exec "$0" --input-type=module -e "$1"';
      const done = spawnSync('bash', ['-c', shell, process.execPath, script], { cwd: dir, encoding: 'utf8' });
      assert.equal(done.stdout, `CR_IMAGE_WRITE pwrite("${dir}/fdinfo-1.img") EFBIG 0\n`, done.stderr);
    }),
  );

  test(
    'a second record for an image of one is a mistake of ours',
    inFolder((dir) => {
      const writer = new ImageWriter(dir);
      writer.add('fs', 1, FS);
      refused(() => writer.add('fs', 1, FS), 'CR_INTERNAL', /second record/);
      writer.abort();
    }),
  );

  test(
    'statistics: service magic, no suffix',
    inFolder((dir) => {
      writeServiceImage(dir, 'stats-restore', {
        restore: { pages_compared: 0n, pages_skipped_cow: 0n, forking_time: 1, restore_time: 2, pages_restored: 3n },
      });
      assert.equal(readFileSync(join(dir, 'stats-restore')).toString('hex', 0, 8), '40591055' + '06330957');
      assert.equal(new ImageReader(dir).readOne('stats-restore').restore?.restore_time, 2);
    }),
  );
});
