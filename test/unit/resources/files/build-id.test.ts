/** Build ids of files that are made here, whole and broken. */
import assert from 'node:assert/strict';
import { closeSync, mkdtempSync, openSync, rmSync, statSync, utimesSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { BuildIds, buildIdText, readBuildId, sameBuildId } from '../../../../core/resources/files/build-id.js';

const folder = mkdtempSync(join(tmpdir(), 'criu-ts-build-id-'));
after(() => rmSync(folder, { recursive: true }));

function note(owner: string, type: number, content: Buffer, unit: number): Buffer {
  const name = Buffer.from(owner);
  const padded = (n: number) => Math.ceil(n / unit) * unit;
  const start = padded(12 + name.length);
  const bytes = Buffer.alloc(start + padded(content.length));
  [name.length, content.length, type].forEach((word, i) => bytes.writeUInt32LE(word, i * 4));
  name.copy(bytes, 12);
  content.copy(bytes, start);
  return bytes;
}

interface Segment {
  readonly type: number;
  readonly bytes: Buffer;
  readonly align?: number;
}

/** An ELF file of these segments: header, program headers, contents one after the other. */
function elf(bits: 32 | 64, segments: readonly Segment[]): Buffer {
  const wide = bits === 64;
  const [head, entry] = wide ? [64, 56] : [52, 32];
  const bytes = Buffer.alloc(head + entry * segments.length);
  const put = (at: number, value: number) => (wide ? bytes.writeBigUInt64LE(BigInt(value), at) : bytes.writeUInt32LE(value, at));
  bytes.write('\x7fELF', 'latin1');
  bytes.set([wide ? 2 : 1, 1, 1], 4);
  put(wide ? 32 : 28, head);
  bytes.writeUInt16LE(entry, wide ? 54 : 42);
  bytes.writeUInt16LE(segments.length, wide ? 56 : 44);
  const all: Buffer[] = [bytes];
  segments.forEach((segment, i) => {
    const at = head + entry * i;
    bytes.writeUInt32LE(segment.type, at);
    put(at + (wide ? 8 : 4), Buffer.concat(all).length);
    put(at + (wide ? 32 : 16), segment.bytes.length);
    put(at + (wide ? 48 : 28), segment.align ?? 4);
    all.push(segment.bytes);
  });
  return Buffer.concat(all);
}

let made = 0;
function stored(bytes: Buffer): string {
  const path = join(folder, String(made++));
  writeFileSync(path, bytes);
  return path;
}

function idOf(bytes: Buffer): readonly number[] | null {
  const fd = openSync(stored(bytes), 'r');
  try {
    return readBuildId(fd);
  } finally {
    closeSync(fd);
  }
}

const ID = Buffer.from('aaf2b110631ab7e33af44af40b9164462214404f', 'hex');
const property = { type: 4, bytes: note('GNU\0', 5, Buffer.alloc(12, 7), 8), align: 8 };
const withId = { type: 4, bytes: Buffer.concat([note('Go\0\0', 4, Buffer.alloc(83), 4), note('GNU\0', 3, ID, 4)]) };

test('the note is found among others, in files of both classes', () => {
  for (const bits of [32, 64] as const) {
    const id = idOf(elf(bits, [{ type: 1, bytes: Buffer.alloc(100) }, property, withId]));
    assert.deepEqual(id, [0x10b1f2aa, 0xe3b71a63, 0xf44af43a, 0x4664910b, 0x4f401422]);
    assert.equal(buildIdText(id), ID.toString('hex'));
  }
});

test('an id of another length is filled with zeros', () => {
  assert.deepEqual(idOf(elf(64, [{ type: 4, bytes: note('GNU\0', 3, Buffer.from('abcdef010203', 'hex'), 4) }])), [0x01efcdab, 0x0302]);
  assert.equal(sameBuildId([1, 2], [1, 2]), true);
  for (const other of [[1], [1, 2, 3], [1, 3]]) assert.equal(sameBuildId([1, 2], other), false);
});

test('files without one have none', () => {
  const none = [
    Buffer.alloc(0),
    Buffer.from('#!/bin/sh\n'),
    Buffer.alloc(1000, 0x7f),
    elf(64, []),
    elf(64, [property]),
    elf(64, [{ ...withId, type: 1 }]),
    elf(64, [{ type: 4, bytes: note('XYZ\0', 3, ID, 4) }]),
    elf(64, [{ type: 4, bytes: note('GNU\0', 3, Buffer.alloc(0), 4) }]),
    elf(64, [{ type: 4, bytes: note('GNU\0', 3, Buffer.alloc(257), 4) }]),
    elf(64, [{ type: 4, bytes: note('GNU\0', 3, ID, 4).subarray(0, 30) }]),
  ];
  for (const [i, bytes] of none.entries()) assert.equal(idOf(bytes), null, `file ${i}`);
});

test('damaged files give an id or none, and never more than they hold', () => {
  const whole = elf(64, [property, withId]);
  const fd = openSync(stored(whole), 'r+');
  for (let at = 0; at < whole.length; at++)
    for (const value of [0, 0x80, 0xff]) {
      writeSync(fd, Buffer.of(value), 0, 1, at);
      const id = readBuildId(fd);
      assert.ok(id === null || id.length <= 64);
      writeSync(fd, whole, at, 1, at);
    }
  closeSync(fd);
  for (let size = 0; size < whole.length; size += 5) assert.equal(idOf(whole.subarray(0, size)), null);
});

test('a file is read once, and again when it was changed; one that is left alone not at all', () => {
  const path = stored(elf(64, [withId]));
  const stat = () => statSync(path, { bigint: true });
  const ids = new BuildIds();
  assert.equal(buildIdText(ids.of(stat(), path)!), ID.toString('hex'));
  assert.notEqual(ids.of(stat(), '/not/opened'), null);
  utimesSync(path, 1, 1);
  // That it cannot be opened by one path says nothing of the next one.
  assert.equal(ids.of(stat(), '/not/there'), null);
  assert.notEqual(ids.of(stat(), path), null);
  utimesSync(path, 2, 2);
  ids.leave(stat());
  assert.equal(ids.of(stat(), path), null);
});

test('files of /proc and /sys are not opened', () => {
  const ids = new BuildIds();
  for (const path of ['/proc/version', '/sys/kernel/uevent_seqnum'])
    assert.equal(ids.of(statSync(path, { bigint: true }), stored(elf(64, [withId]))), null);
});
