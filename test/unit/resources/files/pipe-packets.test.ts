import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CrError } from '../../../../core/errors.js';
import { appendPackets, type Piece, readPackets } from '../../../../core/resources/files/pipe-packets.js';

const pieces: readonly Piece[] = [
  { bytes: 3, packet: true },
  { bytes: 4096, packet: true },
  { bytes: 17, packet: false },
];
const read = (text: string | undefined): Map<number, Piece[]> => readPackets({ get: () => text }, [42]);

test('packets of pipes come back from their text', () => {
  const text = appendPackets(appendPackets(undefined, 7, pieces), 0xffff_ffff, [{ bytes: 1, packet: true }]);
  assert.equal(text, '7:3p,4096p,17;4294967295:1p');
  assert.deepEqual(
    read(text),
    new Map([
      [7, [...pieces]],
      [0xffff_ffff, [{ bytes: 1, packet: true }]],
    ]),
  );
  assert.equal(read(undefined).size, 0);
});

test('texts that are no packets are refused', () => {
  for (const text of ['', '7', '7:', ':3p', '7:3q', '7:3p,', '7:-3p', '7:3p;', ';7:3p', '7:99999999999p', '7:3p 8:1'])
    assert.throws(
      () => read(text),
      (error) => error instanceof CrError && error.code === 'CR_IMAGE_BAD',
      text,
    );
});
