import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ImageReader } from '../../../core/images/reader.js';
import { FS_ENTRY } from '../../../core/images/generated/task.js';
import { KernelThread } from '../../../core/kernel/kernel-thread.js';
import { readAhead } from '../../../core/restore/read-ahead.js';
import { inFolder, refused } from '../images/folder.js';

const HEAD = Buffer.from('1943565412394051', 'hex');

function fsImage(root: number): Buffer {
  const entry = FS_ENTRY.encode({ cwd_id: 1, root_id: root });
  const length = Buffer.alloc(4);
  length.writeUInt32LE(entry.length);
  return Buffer.concat([HEAD, length, entry]);
}

/** `count` images of folders, fs-0.img and so on. */
function fill(dir: string, count: number): void {
  for (let i = 0; i < count; i++) writeFileSync(join(dir, `fs-${i}.img`), fsImage(i));
}

function ahead(dir: string): Map<string, Buffer> {
  const thread = new KernelThread();
  try {
    return readAhead(thread, dir);
  } finally {
    thread.close();
  }
}

test(
  'small images are read together, more than one batch of them',
  inFolder((dir) => {
    fill(dir, 300);
    const contents = ahead(dir);
    assert.equal(contents.size, 300);
    for (let i = 0; i < 300; i++) assert.deepEqual(contents.get(`fs-${i}.img`), fsImage(i));
    const images = new ImageReader(dir);
    images.readAhead(contents);
    assert.ok(images.exists('fs', 299) && !images.exists('fs', 300));
    assert.deepEqual(images.readOne('fs', 299), { cwd_id: 1, root_id: 299 });
  }),
);

test(
  'few files, and a folder that is not there, are left to whoever needs them',
  inFolder((dir) => {
    fill(dir, 31);
    assert.equal(ahead(dir).size, 0);
    assert.equal(ahead(join(dir, 'none')).size, 0);
  }),
);

test(
  'what is no small regular file, and no image, is left out',
  inFolder((dir) => {
    fill(dir, 40);
    writeFileSync(join(dir, 'fs-100.img'), Buffer.alloc(4095, 1));
    for (const name of ['fs-101.img', 'pages-1.img', 'notes.txt']) writeFileSync(join(dir, name), Buffer.alloc(4096, 1));
    writeFileSync(join(dir, 'fs-102.img'), '');
    symlinkSync('fs-1.img', join(dir, 'fs-103.img'));
    mkdirSync(join(dir, 'fs-104.img'));
    execFileSync('mkfifo', [join(dir, 'fs-105.img')]);
    const contents = ahead(dir);
    assert.deepEqual(
      [...contents.keys()].filter((name) => !/^fs-\d\d?\.img$/.test(name)),
      ['fs-100.img'],
    );
    assert.equal(contents.size, 41);
    const images = new ImageReader(dir);
    images.readAhead(contents);
    refused(() => images.readOne('fs', 103), 'CR_IMAGE_BAD', /is a symbolic link/);
    refused(() => images.readOne('fs', 105), 'CR_IMAGE_BAD', /is not a regular file/);
    refused(() => images.readOne('fs', 106), 'CR_IMAGE_MISSING', /does not exist/);
    const error = refused(() => images.readOne('fs', 100), 'CR_IMAGE_BAD', /has magic 0x1010101/);
    assert.equal(error.subject.path, join(dir, 'fs-100.img'));
  }),
);

test(
  'a damaged image that was read ahead is refused with its place',
  inFolder((dir) => {
    fill(dir, 40);
    writeFileSync(join(dir, 'fs-7.img'), fsImage(7).subarray(0, -1));
    const images = new ImageReader(dir);
    images.readAhead(ahead(dir));
    const error = refused(() => images.readOne('fs', 7), 'CR_IMAGE_BAD', /ends 1 bytes too early/);
    assert.deepEqual([error.subject.path, error.subject.offset], [join(dir, 'fs-7.img'), 12]);
  }),
);
