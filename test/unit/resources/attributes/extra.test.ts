import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { CrError } from '../../../../core/errors.js';
import { ImageReader } from '../../../../core/images/reader.js';
import { ImageWriter } from '../../../../core/images/writer.js';
import { excludesSome, maskBytes, maskText } from '../../../../core/resources/cpu-affinity.js';
import { EXTRA_FILE, ExtraState, readExtra, writeExtra } from '../../../../core/resources/extra-state.js';
import { ioPriorityOf } from '../../../../core/resources/io-priority.js';

const ID = 'c0ffee00-0000-4000-8000-000000000001';

function withFolder(body: (dir: string) => void): void {
  const dir = mkdtempSync(join(tmpdir(), 'extra-'));
  try {
    body(dir);
  } finally {
    rmSync(dir, { recursive: true });
  }
}

function writeSet(dir: string, id: string, extra: ExtraState | null): void {
  const images = new ImageWriter(dir);
  if (extra) writeExtra(images, extra, id);
  images.finish({ img_version: 2, dump_criu_run_id: id });
}

function state(): ExtraState {
  const extra = new ExtraState();
  extra.set(70, 'timer-slack', '60000');
  extra.set(71, 'io-priority', '16384');
  extra.set(70, 'cpu-affinity', '1');
  return extra;
}

test('what is written is read', () =>
  withFolder((dir) => {
    writeSet(dir, ID, state());
    const read = readExtra(new ImageReader(dir));
    assert.equal(read.get(70, 'timer-slack'), '60000');
    assert.equal(read.get(70, 'cpu-affinity'), '1');
    assert.equal(read.get(71, 'io-priority'), '16384');
    assert.equal(read.get(72, 'io-priority'), undefined);
  }));

test('without anything to say there is no file, and one of an earlier dump goes', () =>
  withFolder((dir) => {
    writeSet(dir, ID, state());
    assert.ok(readdirSync(dir).includes(EXTRA_FILE));
    writeSet(dir, `${ID}2`, new ExtraState());
    assert.deepEqual(readdirSync(dir), ['inventory.img']);
    assert.ok(readExtra(new ImageReader(dir)).isEmpty);
  }));

test('an image that the dump wrote and that is gone is missed', () =>
  withFolder((dir) => {
    const images = new ImageWriter(dir);
    images.add('filelocks', undefined, { flag: 1, type: 1, pid: 70, fd: 3, start: 0n, len: 0n });
    writeExtra(images, new ExtraState(), ID);
    images.finish({ img_version: 2, dump_criu_run_id: ID });
    assert.deepEqual(readExtra(new ImageReader(dir)).files, ['filelocks.img']);
    rmSync(join(dir, 'filelocks.img'));
    assert.throws(
      () => readExtra(new ImageReader(dir)),
      (error) => error instanceof CrError && error.code === 'CR_IMAGE_MISSING' && error.message.includes(join(dir, 'filelocks.img')),
    );
  }));

test('names in the file are no paths, and files of earlier versions have none', () =>
  withFolder((dir) => {
    writeSet(dir, ID, state());
    for (const files of ['"files":["../../etc/shadow","core-70.img"],', '']) {
      writeFileSync(join(dir, EXTRA_FILE), `{"version":1,"dump":"${ID}",${files}"threads":{"70":{"timer-slack":"1"}}}`);
      const read = readExtra(new ImageReader(dir));
      assert.deepEqual(read.files, []);
      assert.equal(read.get(70, 'timer-slack'), '1');
    }
  }));

test('a file that another dump left is not believed', () =>
  withFolder((dir) => {
    writeSet(dir, ID, state());
    writeSet(dir, 'another', null);
    assert.ok(readdirSync(dir).includes(EXTRA_FILE));
    assert.ok(readExtra(new ImageReader(dir)).isEmpty);
  }));

test('a damaged file is an error that names it', () =>
  withFolder((dir) => {
    writeSet(dir, ID, state());
    const bad = [
      '',
      '[]',
      '{"version":1',
      `{"version":2,"dump":"${ID}","threads":{}}`,
      `{"version":1,"dump":"${ID}","threads":[]}`,
      `{"version":1,"dump":"${ID}","threads":{"0":{}}}`,
      `{"version":1,"dump":"${ID}","threads":{"__proto__x":{}}}`,
      `{"version":1,"dump":"${ID}","threads":{"7":{"timer-slack":1}}}`,
      `{"version":1,"dump":"${ID}","threads":{"7":null}}`,
      `{"version":1,"dump":"${ID}","files":"filelocks.img","threads":{}}`,
    ];
    for (const text of bad) {
      writeFileSync(join(dir, EXTRA_FILE), text);
      assert.throws(
        () => readExtra(new ImageReader(dir)),
        (error) => error instanceof CrError && error.code === 'CR_IMAGE_BAD' && error.message.includes(EXTRA_FILE),
        text,
      );
    }
  }));

test('masks of processors', () => {
  const bytes = Buffer.alloc(8);
  bytes[0] = 0x0d;
  bytes[1] = 0x80;
  assert.equal(maskText(bytes), '800d');
  assert.deepEqual(maskBytes('800d')?.subarray(0, 8), bytes);
  assert.equal(maskBytes('800d')?.length, 1024);
  for (const bad of ['', '0', '-1', 'g', '0x1', '1'.repeat(2049)]) assert.equal(maskBytes(bad), null, bad);
  assert.ok(excludesSome(bytes, 5));
  assert.ok(!excludesSome(bytes, 4));
});

test('I/O priorities', () => {
  assert.equal(ioPriorityOf(String((2 << 13) | 4)), (2 << 13) | 4);
  for (const bad of ['', '0', '4', '32768', '-1', '99999', '1e4']) assert.equal(ioPriorityOf(bad), null, bad);
});
