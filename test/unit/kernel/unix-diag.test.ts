/** Answers of sock_diag about unix sockets, as bytes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseUnixDiag } from '../../../core/kernel/unix-diag.js';

/** nlmsghdr, unix_diag_msg (family, type, state, pad, inode, cookie), attributes (length, type, data, padded to four). */
function answer(attributes: readonly (readonly [number, Buffer])[], type = 20): Buffer {
  const parts = attributes.map(([id, data]) => {
    const out = Buffer.alloc((4 + data.length + 3) & ~3);
    out.writeUInt16LE(4 + data.length, 0);
    out.writeUInt16LE(id, 2);
    data.copy(out, 4);
    return out;
  });
  const head = Buffer.alloc(32);
  head.writeUInt16LE(type, 4);
  head.set([1, 5, 1, 0], 16);
  head.writeUInt32LE(4711, 20);
  const all = Buffer.concat([head, ...parts]);
  all.writeUInt32LE(all.length, 0);
  return all;
}

const peer = Buffer.from([0x12, 0, 1, 0]);

test('inode, kind, state, the other end, its name with zeros, what is shut down', () => {
  const bytes = answer([
    [0, Buffer.from('\0ab')],
    [2, peer],
    [6, Buffer.from([3])],
  ]);
  const name = Uint8Array.from([0, 97, 98]);
  assert.deepEqual(parseUnixDiag(bytes), { inode: 4711, type: 5, state: 1, peer: 0x10012, name, shutdown: 3, waiting: 0, backlog: 0 });
});

test('the queue: what waits to be read; of a socket that listens, who waits, and how many may', () => {
  const queues = Buffer.from([3, 0, 0, 0, 9, 0, 0, 0]);
  const of = (state: number) => {
    const bytes = answer([[4, queues]]);
    bytes.writeUInt8(state, 18);
    const { waiting, backlog } = parseUnixDiag(bytes)!;
    return [waiting, backlog];
  };
  assert.deepEqual(
    [of(10), of(1)],
    [
      [3, 9],
      [3, 0],
    ],
  );
});

test('what is not said is nothing; what is cut off or of another type is not read', () => {
  const nothing = { peer: 0, name: new Uint8Array(), shutdown: 0, waiting: 0, backlog: 0 };
  assert.deepEqual(parseUnixDiag(answer([])), { inode: 4711, type: 5, state: 1, ...nothing });
  const long = answer([[2, peer]]);
  assert.equal(parseUnixDiag(long.subarray(0, long.length - 1))?.peer, 0);
  const endless = answer([[2, peer]]);
  endless.writeUInt16LE(0, 32);
  assert.equal(parseUnixDiag(endless)?.peer, 0);
  assert.equal(parseUnixDiag(answer([], 2)), null);
  assert.equal(parseUnixDiag(Buffer.alloc(4)), null);
});
