import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { ImageFile } from '../../../core/images/container.js';
import * as form from '../../../core/images/display.js';
import { MM_ENTRY, VMA_ENTRY } from '../../../core/images/generated/memory.js';
import { INET_SK_ENTRY, UNIX_SK_ENTRY, type InetSkEntry, type UnixSkEntry } from '../../../core/images/generated/sockets.js';
import { INVENTORY_ENTRY } from '../../../core/images/generated/inventory.js';
import { imageFromJson, kindOfFile, recordsOf, recordToJson } from '../../../core/images/image-json.js';
import { jsonPieces, parseJson } from '../../../core/images/json.js';
import { imageLines, safeText } from '../../../core/images/listing.js';
import { IMAGES, kindOf, type KindName } from '../../../core/images/magic.js';
import { messageFromJson, messageToJson, type NumberStyle } from '../../../core/images/text.js';
import { inFolder, refused } from './folder.js';
import { allTypes, random, randomMessage } from './samples.js';

const STYLES: readonly [NumberStyle, number][] = [
  ['exact', 0],
  ['pretty', 4],
];

function jsonOf(path: string, style: NumberStyle, indent: number): string {
  const file = ImageFile.open(path);
  try {
    const kind = kindOfFile(file);
    const entries = [...recordsOf(file, kind)].map((record, i) => recordToJson(file, kind, i, record, style));
    return [...jsonPieces({ magic: kind.magicName, entries }, indent)].join('');
  } finally {
    file.close();
  }
}

function assertSame(path: string): void {
  const bytes = readFileSync(path);
  for (const [style, indent] of STYLES) {
    const text = jsonOf(path, style, indent);
    assert.ok(Buffer.concat(imageFromJson(parseJson(text))).equals(bytes), `${path} ${style}: ${text.slice(0, 500)}`);
  }
}

describe('messages as JSON', () => {
  test('every message of the schema comes back from both forms', async () => {
    const next = random(5);
    for (const type of await allTypes()) {
      for (let i = 0; i < 10; i++) {
        const bytes = type.encode(randomMessage(type, next));
        for (const [style, indent] of STYLES) {
          const text = [...jsonPieces(messageToJson(type, type.decode(bytes), style), indent)].join('');
          assert.deepEqual(type.encode(messageFromJson(type, parseJson(text), [])), bytes, `${type.name} ${style} ${text}`);
        }
      }
    }
  });

  test("numbers have crit's forms", () => {
    const vma = {
      start: 0x7fff_ffff_f000n,
      end: (1n << 64n) - 1n,
      pgoff: (1n << 53n) + 1n,
      shmid: 0n,
      prot: 5,
      flags: 0x42,
      status: 0x10201,
      fd: -1n,
    };
    assert.deepEqual(messageToJson(VMA_ENTRY, vma, 'pretty'), {
      start: '0x7ffffffff000',
      end: '0xffffffffffffffff',
      pgoff: 9007199254740993n,
      shmid: 0n,
      prot: 'PROT_READ | PROT_EXEC',
      flags: 'MAP_PRIVATE | 0x40',
      status: 'VMA_AREA_REGULAR | VMA_ANON_PRIVATE | 0x10000',
      fd: -1n,
    });
    assert.equal(messageToJson(VMA_ENTRY, vma, 'listing')['status'], 'VMA_AREA_REGULAR | VMA_ANON_PRIVATE | VMA_AREA_GUARD');
    const text = [...jsonPieces(messageToJson(VMA_ENTRY, vma, 'exact'), 0)].join('');
    assert.equal(
      text,
      '{"start": 140737488351232, "end": 18446744073709551615, "pgoff": 9007199254740993, "shmid": 0, "prot": 5, "flags": 66, "status": 66049, "fd": -1}',
    );
    assert.deepEqual(messageFromJson(VMA_ENTRY, parseJson(text), []), vma);
  });

  test('addresses, names of constants, socket names', () => {
    const base = messageFromJson(
      INET_SK_ENTRY,
      {
        id: 1,
        ino: 2,
        family: 'INET6',
        type: 'STREAM',
        proto: 'TCP',
        state: 'LISTEN',
        src_port: 1,
        dst_port: 0,
        flags: '0x2',
        backlog: 1,
        src_addr: ['fe80::1'],
        dst_addr: ['127.0.0.1'],
        fown: { uid: 0, euid: 0, signum: 0, pid_type: 0, pid: 0 },
        opts: { so_sndbuf: 1, so_rcvbuf: 1, so_snd_tmo_sec: 0, so_snd_tmo_usec: 0, so_rcv_tmo_sec: 0, so_rcv_tmo_usec: 0 },
      },
      [],
    ) as InetSkEntry;
    assert.deepEqual([base.family, base.type, base.proto, base.state, base.flags], [10, 1, 6, 10, 2]);
    assert.deepEqual(base.src_addr, [0x80fe, 0, 0, 0x0100_0000]);
    assert.deepEqual(base.dst_addr, [0x0100_007f]);
    const back = messageToJson(INET_SK_ENTRY, base, 'pretty');
    assert.deepEqual([back['src_addr'], back['dst_addr'], back['proto']], [['fe80::1'], ['127.0.0.1'], 'TCP']);
    const name = Buffer.from('\0a =b\xff\n ', 'latin1');
    const socket = { name } as unknown as UnixSkEntry;
    assert.equal(messageToJson(UNIX_SK_ENTRY, socket, 'exact')['name'], '=00a =3Db=FF=0A=20');
    assert.deepEqual(form.parseQuoted('=00a =3Db=FF=\n=0A=20'), name);
  });

  test('unknown fields have a key of their own', () => {
    const bytes = Buffer.from('08023a026869', 'hex');
    const json = messageToJson(INVENTORY_ENTRY, INVENTORY_ENTRY.decode(bytes), 'exact');
    assert.deepEqual(json, { img_version: 2, unknown_fields: [{ number: 7, raw: 'OgJoaQ==\n' }] });
    assert.deepEqual(Buffer.from(INVENTORY_ENTRY.encode(messageFromJson(INVENTORY_ENTRY, json, []) as never)), bytes);
  });

  test('values that do not fit name their place', () => {
    const bad =
      (json: unknown): (() => unknown) =>
      () =>
        Buffer.concat(imageFromJson(json));
    const fs = { cwd_id: 1, root_id: 2 };
    refused(bad({ magic: 'FS', entries: [fs, { ...fs, cwd: 1 }] }), 'CR_IMAGE_BAD', /^entries\[1\]\.cwd: fs_entry has no such field/);
    refused(bad({ magic: 'FS', entries: [{ ...fs, cwd_id: 'x' }] }), 'CR_IMAGE_BAD', /^entries\[0\]\.cwd_id: "x" is not a uint32/);
    refused(bad({ magic: 'FS', entries: [{ ...fs, cwd_id: 1.5 }] }), 'CR_IMAGE_BAD', /cwd_id: 1\.5/);
    refused(bad({ magic: 'FS', entries: [{ ...fs, cwd_id: 2 ** 32 }] }), 'CR_IMAGE_BAD', /^entries\[0\]: fs_entry\.cwd_id: 4294967296/);
    refused(bad({ magic: 'FS', entries: [{ cwd_id: 1 }] }), 'CR_IMAGE_BAD', /root_id: required/);
    refused(bad({ magic: 'FS', entries: [[]] }), 'CR_IMAGE_BAD', /must be an object/);
    refused(bad({ magic: 'NONE', entries: [] }), 'CR_IMAGE_BAD', /"NONE" is not the name/);
    refused(bad({ magic: 'FS' }), 'CR_IMAGE_BAD', /entries/);
    refused(bad([]), 'CR_IMAGE_BAD', /entries/);
    refused(
      bad({ magic: 'PIPES_DATA', entries: [{ pipe_id: 1, bytes: 4, extra: 'YWJj\n' }] }),
      'CR_IMAGE_BAD',
      /holds 3 bytes, but the record says 4/,
    );
    refused(bad({ magic: 'PIPES_DATA', entries: [{ pipe_id: 1, bytes: 3, extra: 'YW!j' }] }), 'CR_IMAGE_BAD', /base64/);
    refused(
      bad({ magic: 'MM', entries: [{ vmas: [{ start: '0x1', prot: 'PROT_MAGIC' }] }] }),
      'CR_IMAGE_BAD',
      /entries\[0\]\.vmas\[0\]\.prot: "PROT_MAGIC"/,
    );
    refused(bad({ magic: 'FDINFO', entries: [{ type: 'NOSUCH' }] }), 'CR_IMAGE_BAD', /"NOSUCH" is not one of UND, REG/);
  });
});

describe('forms of values', () => {
  test('IPv6 is compressed as RFC 5952 says, and read in every spelling', () => {
    for (const text of ['::', '::1', '1::', '2001:db8::1:0:0:1', 'fe80::a:b', '1:2:3:4:5:6:7:8', '1:0:3:4:5:6:7:8', '::ffff:102:304'])
      assert.equal(form.ipText(form.parseIp(text) ?? []), text);
    assert.deepEqual(form.parseIp('::ffff:1.2.3.4'), form.parseIp('::ffff:102:304'));
    for (const text of ['', '1.2.3', '1::2::3', 'fe80::1%eth0', 'x']) assert.equal(form.parseIp(text), undefined, text);
  });

  test('device numbers in both encodings', () => {
    for (const [text, kernel, user] of [
      ['8:1', 0x80_0001n, 0x801n],
      ['254:1048575', (254n << 20n) | 0xf_ffffn, 0xfff0_feffn],
    ] as const) {
      assert.equal(form.parseDev(text, false), kernel, text);
      assert.equal(form.parseDev(text, true), user, text);
      assert.equal(form.devText(kernel, false), text);
      assert.equal(form.devText(user, true), text);
    }
  });

  test('base64 has lines of 76', () => {
    assert.equal(form.base64Text(new Uint8Array(0)), '');
    assert.equal(form.base64Text(Buffer.alloc(58)), `${'A'.repeat(76)}\nAA==\n`);
    assert.deepEqual(form.parseBase64(form.base64Text(Buffer.alloc(300, 5))), Buffer.alloc(300, 5));
    for (const text of ['A', 'AA=A', '=', 'AAAA*AAA']) assert.equal(form.parseBase64(text), undefined, text);
  });

  test('integers above 2^53 are exact, digits in strings stay as they are', () => {
    assert.deepEqual(
      parseJson('{"a": 18446744073709551615, "b": "18446744073709551615 ", "c\\"9007199254740993": [-9223372036854775808, 1.5, 7]}'),
      {
        a: '18446744073709551615',
        b: '18446744073709551615 ',
        'c"9007199254740993': ['-9223372036854775808', 1.5, 7],
      },
    );
    assert.throws(() => parseJson('{"a": 12345678901234567890 x}'), /position 27/);
  });

  test('control characters do not reach a terminal', () => {
    assert.equal(safeText('/bin/sh -c'), '/bin/sh -c');
    assert.equal(safeText('\u001b[31m'), '"\\u001b[31m"');
    assert.equal(safeText('a\u009bb'), '"a\\u009bb"');
    assert.equal(safeText(''), '""');
  });
});

describe('whole images', () => {
  test(
    'of every kind come back byte by byte',
    inFolder((dir) => {
      const next = random(6);
      for (const name of Object.keys(IMAGES) as KindName[]) {
        const kind = kindOf(name);
        if (kind.payload !== undefined) continue;
        const entries = Array.from({ length: kind.single ? 1 : 3 }, (_, i) =>
          messageToJson(
            i === 0 ? (kind.first ?? kind.type) : kind.type,
            randomMessage(i === 0 ? (kind.first ?? kind.type) : kind.type, next),
            'exact',
          ),
        );
        const path = join(dir, name);
        const text = [...jsonPieces({ magic: kind.magicName, entries }, 0)].join('');
        writeFileSync(path, Buffer.concat(imageFromJson(parseJson(text))));
        assertSame(path);
      }
    }),
  );

  const desc = { key: 1, uid: 0, gid: 0, cuid: 0, cgid: 0, mode: 0, id: 0 };
  const fown = { rights: [1, 2], type: 1 };
  const samples: Readonly<Record<string, unknown>> = {
    PIPES_DATA: [
      { pipe_id: 1, bytes: 3, extra: 'YWJj\n' },
      { pipe_id: 2, bytes: 0, extra: '' },
    ],
    SK_QUEUES: [{ id_for: 1, length: 1, scm: [fown], extra: 'YQ==\n' }],
    TCP_STREAM: [
      {
        inq_len: 1,
        inq_seq: 2,
        outq_len: 2,
        outq_seq: 3,
        opt_mask: 0,
        snd_wscale: 0,
        mss_clamp: 0,
        extra: { inq: 'YQ==\n', outq: 'YmM=\n' },
      },
    ],
    BPFMAP_DATA: [{ map_id: 1, keys_bytes: 1, values_bytes: 2, count: 1, extra: 'YWJj\n' }],
    IPCNS_SHM: [
      { desc, size: 5, extra: 'YWJjZGU=\n' },
      { desc, size: 4096, in_pagemaps: true, extra: '' },
    ],
    IPCNS_SEM: [
      { desc, nsems: 3, extra: [1, 2, 65535] },
      { desc, nsems: 0, extra: [] },
      { desc, nsems: 1, extra: [7], padding: 'AQIDBAUG\n' },
    ],
    IPCNS_MSG: [
      { desc, qbytes: 100, qnum: 2, extra: [{ mtype: 1, msize: 3 }, 'YWJj\n', { mtype: 2, msize: 0 }, ''] },
      { desc, qbytes: 1, qnum: 1, extra: [{ mtype: 1, msize: 7, padding: '/w==\n' }, 'YWJjZGVmZw==\n'] },
    ],
    GHOST_FILE: [{ uid: 0, gid: 0, mode: 0, dev: '8:1', rdev: '1:3', extra: 'YWJj\n' }],
  };
  for (const [magic, entries] of Object.entries(samples)) {
    test(
      `${magic}: data behind records`,
      inFolder((dir) => {
        const path = join(dir, 'x.img');
        writeFileSync(path, Buffer.concat(imageFromJson({ magic, entries })));
        assertSame(path);
        const again = JSON.parse(jsonOf(path, 'pretty', 4)) as { entries: unknown };
        const extras = (list: unknown): unknown[] => (list as { extra: unknown }[]).map(({ extra }) => extra);
        assert.deepEqual(extras(again.entries), extras(entries));
      }),
    );
  }

  test(
    'a ghost file in chunks',
    inFolder((dir) => {
      const entries = [
        { uid: 0, gid: 0, mode: 0, chunks: true, size: 100 },
        { len: 3, off: 0, extra: 'YWJj\n' },
        { len: 1, off: 99, extra: 'YQ==\n' },
      ];
      const path = join(dir, 'ghost-file-1.img');
      writeFileSync(path, Buffer.concat(imageFromJson({ magic: 'GHOST_FILE', entries })));
      assertSame(path);
      refused(() => imageFromJson({ magic: 'GHOST_FILE', entries: [{ ...entries[0], extra: 'YQ==\n' }] }), 'CR_IMAGE_BAD', /record says 0/);
    }),
  );

  test(
    'a listing has names and shortens what repeats',
    inFolder((dir) => {
      const path = join(dir, 'mm-1.img');
      const zero = Object.fromEntries(MM_ENTRY.plan.fields.filter(({ rule }) => rule === 'required').map(({ name }) => [name, 0]));
      const vma = { start: '0x1000', end: '0x2000', pgoff: 0, shmid: 0, prot: 0, flags: 'MAP_PRIVATE', status: '0x10000', fd: -1 };
      const entries = [{ ...zero, mm_brk: '0xabc', mm_saved_auxv: [6, 4096, 0, 0, 0], vmas: [vma] }];
      writeFileSync(path, Buffer.concat(imageFromJson({ magic: 'MM', entries })));
      const file = ImageFile.open(path);
      const lines = [...imageLines(file, kindOfFile(file))];
      file.close();
      assert.ok(lines.includes('  mm_brk: 0xabc'), lines.join('\n'));
      assert.ok(lines.includes('  mm_saved_auxv: 6 4096 0 (x3)'));
      assert.ok(lines.includes('  vmas[0]: start=0x1000 end=0x2000 pgoff=0 shmid=0 prot=0 flags=MAP_PRIVATE status=VMA_AREA_GUARD fd=-1'));
    }),
  );
});
