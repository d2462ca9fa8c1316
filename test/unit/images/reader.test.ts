import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { CrError } from '../../../core/errors.js';
import { PAGEMAP_ENTRY, PAGEMAP_HEAD } from '../../../core/images/generated/memory.js';
import { UNKNOWN } from '../../../core/images/message.js';
import { ImageReader } from '../../../core/images/reader.js';
import { inFolder, refused } from './folder.js';

const COMMON = '19435654';
const PSTREE = COMMON + '30302750';
const PAGEMAP = COMMON + '25400856';

function put(dir: string, name: string, hex: string): void {
  writeFileSync(join(dir, name), Buffer.from(hex.replaceAll(' ', ''), 'hex'));
}

function record(bytes: Uint8Array): string {
  const length = Buffer.alloc(4);
  length.writeUInt32LE(bytes.length);
  return length.toString('hex') + Buffer.from(bytes).toString('hex');
}

describe('ImageReader', () => {
  test(
    'reads the file of one namespace that old versions wrote for binfmt_misc',
    inFolder((dir) => {
      put(dir, 'binfmt-misc-3.img', `${COMMON}23333467 08000000 0a0178 1001 1a0179`);
      assert.equal(new ImageReader(dir).readAll('binfmt-misc-ns', 3)[0]?.name, 'x');
    }),
  );

  test(
    'reads images of format version 1, which have no common word',
    inFolder((dir) => {
      put(dir, 'fs-1.img', '12394051 04000000 08011002');
      assert.deepEqual(new ImageReader(dir).readOne('fs', 1), { cwd_id: 1, root_id: 2 });
    }),
  );

  test(
    'missing, empty, wrong kind, not a file: named with path and offset',
    inFolder((dir) => {
      const reader = new ImageReader(dir);
      refused(() => reader.readAll('pstree'), 'CR_IMAGE_MISSING', /pstree\.img: does not exist/);
      put(dir, 'pstree.img', '');
      refused(() => reader.readAll('pstree'), 'CR_IMAGE_BAD', /pstree\.img at byte 0: ends 4 bytes too early/);
      put(dir, 'pstree.img', COMMON + '12394051');
      refused(() => reader.readAll('pstree'), 'CR_IMAGE_BAD', /at byte 4: has magic 0x51403912, which is not PSTREE/);
      put(dir, 'pstree.img', '40591055' + '30302750');
      refused(() => reader.readAll('pstree'), 'CR_IMAGE_BAD', /is not PSTREE/);
      put(dir, 'fs-1.img', COMMON + '12394051');
      refused(() => reader.readOne('fs', 1), 'CR_IMAGE_BAD', /has no record/);
      put(dir, 'fs-1.img', COMMON + '12394051 04000000 08011002 04000000 08011002');
      refused(() => reader.readOne('fs', 1), 'CR_IMAGE_BAD', /at byte 20: has more than one record/);
      symlinkSync('pstree.img', join(dir, 'ids-1.img'));
      refused(() => reader.readOne('ids', 1), 'CR_IMAGE_BAD', /ids-1\.img: is a symbolic link/);
      mkdirSync(join(dir, 'mm-1.img'));
      refused(() => reader.readOne('mm', 1), 'CR_IMAGE_BAD', /mm-1\.img: is not a regular file/);
      refused(() => new ImageReader(join(dir, 'none')), 'CR_IMAGE_DIR', /the image folder does not exist/);
      assert.ok(reader.exists('pstree') && !reader.exists('files'));
    }),
  );

  test(
    'a FIFO in place of an image does not hang',
    inFolder((dir) => {
      execFileSync('mkfifo', [join(dir, 'pstree.img')]);
      refused(() => new ImageReader(dir).readAll('pstree'), 'CR_IMAGE_BAD', /is not a regular file/);
    }),
  );

  test(
    'huge lengths are refused before anything is allocated',
    inFolder((dir) => {
      const reader = new ImageReader(dir);
      put(dir, 'pstree.img', `${PSTREE} ffffffff 0801`);
      refused(() => reader.readAll('pstree'), 'CR_IMAGE_BAD', /at byte 8: record of 4294967295 bytes/);
      // 4 TiB without a byte on disk: more than memory, so only the announced length counts.
      put(dir, 'pstree.img', `${PSTREE} 00000004`);
      truncateSync(join(dir, 'pstree.img'), 2 ** 42);
      const before = process.memoryUsage().arrayBuffers;
      refused(() => reader.readAll('pstree'), 'CR_IMAGE_BAD', /at byte/);
      assert.ok(process.memoryUsage().arrayBuffers - before < 200 << 20);
      put(dir, 'pipes-data.img', `${COMMON} 09374556 04000000 08011000`);
      put(dir, 'pipes-data.img', `${COMMON} 09374556 08000000 080110ffffffff0f 6162`);
      refused(() => reader.readAll('pipes-data'), 'CR_IMAGE_BAD', /at byte 20: ends inside the 4294967295 bytes/);
      put(dir, 'ipcns-shm-1.img', `${COMMON} 44302846 1b000000 0a0e 0800 1000 1800 2000 2800 3000 3800 10 80808080808080808001`);
      refused(() => reader.readAll('ipcns-shm', 1), 'CR_IMAGE_BAD', /ends inside the 9223372036854775808 bytes/);
    }),
  );

  test(
    'every truncation of an image is refused or reads as fewer records',
    inFolder((dir) => {
      const whole = Buffer.from(`${PSTREE}0a00000008051000180520052805060000000806100518052005`, 'hex');
      for (let cut = 0; cut < whole.length; cut++) {
        writeFileSync(join(dir, 'pstree.img'), whole.subarray(0, cut));
        if (cut === 8 || cut === 22) {
          assert.equal(new ImageReader(dir).readAll('pstree').length, cut === 8 ? 0 : 1);
          continue;
        }
        const error = refused(() => new ImageReader(dir).readAll('pstree'), 'CR_IMAGE_BAD', /pstree\.img at byte \d+/);
        assert.ok(Number(error.subject.offset) <= whole.length);
      }
    }),
  );
});

describe('page maps', () => {
  test(
    'entries of 4.1 and 4.2 are given as they are',
    inFolder((dir) => {
      const entries = [
        { vaddr: 0n, compat_nr_pages: 3, flags: 4 },
        { vaddr: 0x10000n, compat_nr_pages: 0, flags: 6, nr_pages: 1n << 33n },
        { vaddr: 0x90000n, compat_nr_pages: 1, in_parent: true },
      ];
      put(
        dir,
        'pagemap-1.img',
        PAGEMAP + record(PAGEMAP_HEAD.encode({ pages_id: 9 })) + entries.map((e) => record(PAGEMAP_ENTRY.encode(e))).join(''),
      );
      assert.deepEqual(new ImageReader(dir).readPagemap('pagemap', 1), { head: { pages_id: 9 }, entries });
    }),
  );

  test(
    'flags and fields of later formats are refused',
    inFolder((dir) => {
      const head = record(PAGEMAP_HEAD.encode({ pages_id: 9 }));
      const reader = new ImageReader(dir);
      put(dir, 'pagemap-1.img', PAGEMAP + head + record(PAGEMAP_ENTRY.encode({ vaddr: 0n, compat_nr_pages: 0, flags: 12, nr_pages: 1n })));
      refused(() => reader.readPagemap('pagemap', 1), 'CR_IMAGE_FEATURE', /pagemap-1\.img at byte 18: .* flags 0x8/);
      const unknown = { [UNKNOWN]: [{ number: 6, raw: Uint8Array.of(0x30, 1) }] };
      put(dir, 'pagemap-1.img', PAGEMAP + head + record(PAGEMAP_ENTRY.encode({ vaddr: 0n, compat_nr_pages: 1, ...unknown })));
      refused(() => reader.readPagemap('pagemap', 1), 'CR_IMAGE_FEATURE', /fields that are not known/);
      put(dir, 'pagemap-1.img', PAGEMAP + record(PAGEMAP_HEAD.encode({ pages_id: 9, ...unknown })));
      refused(() => reader.readPagemap('pagemap', 1), 'CR_IMAGE_FEATURE', /fields that are not known/);
      put(dir, 'pagemap-1.img', PAGEMAP);
      refused(() => reader.readPagemap('pagemap', 1), 'CR_IMAGE_BAD', /no head/);
    }),
  );
});

describe('earlier dumps', () => {
  test(
    'are found along the link, and a circle has an end',
    inFolder((dir) => {
      for (const name of ['1', '2']) mkdirSync(join(dir, name));
      symlinkSync('../1', join(dir, '2/parent'));
      const second = new ImageReader(join(dir, '2'));
      assert.equal(second.parent?.parent, undefined);
      assert.equal(second.parent, second.parent);
      symlinkSync('../2', join(dir, '1/parent'));
      refused(() => new ImageReader(join(dir, '2')).parent?.parent, 'CR_IMAGE_BAD', /its own earlier dump/);
      const third = new ImageReader(dir);
      symlinkSync('nowhere', join(dir, 'parent'));
      refused(() => third.parent, 'CR_IMAGE_DIR', /parent: the image folder does not exist/);
    }),
  );

  test(
    'raw files are opened as they are',
    inFolder((dir) => {
      put(dir, 'pages-1.img', '616263');
      assert.equal(readFileSync(new ImageReader(dir).openRaw('pages-1.img'), 'utf8'), 'abc');
      assert.throws(() => new ImageReader(dir).openRaw('pages-2.img'), CrError);
    }),
  );
});
