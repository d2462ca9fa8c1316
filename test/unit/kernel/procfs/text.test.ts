import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeText, encodeText, hasRawBytes, unescapeOctal } from '../../../../core/kernel/procfs/text.js';

test('ASCII and UTF-8 come out as they are', () => {
  for (const text of ['', 'plain', 'café', '日本', 'smile 😀', 'real \uFFFD', '\uFEFFbom', 'nul\0']) {
    assert.equal(decodeText(Buffer.from(text)), text);
    assert.equal(hasRawBytes(text), false);
  }
});

test('bytes that are not UTF-8 survive both ways', () => {
  const cases = [
    '\xff',
    'a\xc3',
    '\xc3\x28',
    '\xe2\x82',
    '\xed\xa0\x80',
    '\xf0\x9f\x98\x80\x80',
    '\xc0\xaf',
    '\xf8\x88\x80\x80\x80',
    '\xef\xbf\xbd\xff',
  ];
  for (const latin1 of cases) {
    const bytes = Buffer.from(latin1, 'latin1');
    const text = decodeText(bytes);
    assert.ok(hasRawBytes(text), latin1);
    assert.deepEqual(encodeText(text), bytes);
  }
});

test('every pair of bytes is lossless', () => {
  for (let a = 0; a < 256; a++) {
    for (let b = 0; b < 256; b++) {
      const bytes = Buffer.from([a, b]);
      assert.ok(encodeText(decodeText(bytes)).equals(bytes), `${a} ${b}`);
    }
  }
});

test('decodes a part of a buffer', () => {
  assert.equal(decodeText(Buffer.from('xcaféx'), 1, 6), 'café');
  assert.equal(decodeText(Buffer.from('xcaféx'), 1, 5), 'caf\uDCC3');
});

test('octal escapes become bytes, also inside of UTF-8; other backslashes stay', () => {
  const bytes = Buffer.from('a\\040b\\303\\251\\09\\400\\1\\');
  assert.equal(decodeText(unescapeOctal(bytes, 0, bytes.length)), 'a bé\\09\\400\\1\\');
});
