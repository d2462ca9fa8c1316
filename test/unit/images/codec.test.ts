import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import protobuf from 'protobufjs';
import { CrError } from '../../../core/errors.js';
import { CGROUP_DIR_ENTRY } from '../../../core/images/generated/cgroup.js';
import { RLIMIT_ENTRY, TASK_RLIMITS_ENTRY, type RlimitEntry } from '../../../core/images/generated/core.js';
import { FDINFO_ENTRY } from '../../../core/images/generated/fdinfo.js';
import { INVENTORY_ENTRY, type InventoryEntry } from '../../../core/images/generated/inventory.js';
import { MM_ENTRY, PAGEMAP_ENTRY } from '../../../core/images/generated/memory.js';
import { FS_ENTRY, PSTREE_ENTRY } from '../../../core/images/generated/task.js';
import { UNKNOWN, type MessageBase, type MessageType } from '../../../core/images/message.js';
import { SharedParts } from '../../../core/images/shared-parts.js';
import { bytesOfText, textOfBytes } from '../../../core/images/wire.js';
import { allTypes, borderValues, random, randomMessage } from './samples.js';

const SCHEMA = join(import.meta.dirname, '../../../../core/images/schema');
const types = await allTypes();

function hex(text: string): Buffer {
  return Buffer.from(text.replaceAll(' ', ''), 'hex');
}

function refused(work: () => unknown, code: CrError['code'], text: RegExp): void {
  assert.throws(work, (error: unknown) => {
    assert.ok(error instanceof CrError);
    assert.equal(error.code, code);
    assert.match(error.message, text);
    return true;
  });
}

/** protobufjs' own reader of the same schema files: an implementation that shares nothing with ours but the varint primitives. */
function reference(): protobuf.Root {
  const root = new protobuf.Root();
  for (const name of readdirSync(SCHEMA).filter((file) => file !== 'options.proto'))
    protobuf.parse(readFileSync(join(SCHEMA, name), 'utf8'), root, { keepCase: true });
  root.resolveAll();
  return root;
}

function referenceType(root: protobuf.Root, name: string): protobuf.Type {
  return root.lookupType(name);
}

describe('codec', () => {
  test('the schema has all the messages that images need', () => assert.ok(types.length > 150, `${types.length} types`));

  test('every message comes back as it was, twice to the same bytes', () => {
    const next = random(2);
    for (const type of types) {
      for (let i = 0; i < 20; i++) {
        const message = randomMessage(type, next);
        const bytes = type.encode(message);
        const back = type.decode(bytes);
        assert.deepEqual(back, message, type.name);
        assert.deepEqual(type.encode(back), bytes, type.name);
      }
    }
  });

  test('protobufjs reads our bytes and writes the same ones', () => {
    const root = reference();
    const next = random(3);
    for (const type of types) {
      const other = referenceType(root, type.name);
      for (let i = 0; i < 5; i++) {
        // Text that is not UTF-8 and 64-bit numbers beyond doubles are what the other one cannot carry; see the tests below for those.
        const message = JSON.parse(
          JSON.stringify(randomMessage(type, next), (_, value: unknown) =>
            typeof value === 'bigint'
              ? BigInt.asIntN(31, value) < 0n
                ? 0
                : Number(BigInt.asIntN(31, value))
              : typeof value === 'string'
                ? 'text'
                : value,
          ),
        ) as Record<string, unknown>;
        const fixed = withTypes(type, message);
        assert.equal(
          Buffer.from(other.encode(other.decode(type.encode(fixed))).finish()).toString('hex'),
          Buffer.from(type.encode(fixed)).toString('hex'),
          type.name,
        );
      }
    }
  });

  test('values at the borders of every scalar type', () => {
    for (const type of types) {
      for (const field of type.plan.fields) {
        for (const value of borderValues(field)) {
          const message = { ...randomMessage(type, () => 0), [field.name]: field.rule === 'repeated' ? [value, value] : value };
          assert.deepEqual(type.decode(type.encode(message)), message, `${type.name}.${field.name} = ${String(value)}`);
        }
      }
    }
  });
});

/** What JSON lost: bigints and bytes, where the schema has them. */
function withTypes(type: MessageType<object>, message: Record<string, unknown>): object {
  const out: Record<string, unknown> = {};
  for (const field of type.plan.fields) {
    const value = message[field.name];
    if (value === undefined) continue;
    const one = (member: unknown): unknown =>
      field.scalar === 'message'
        ? withTypes(field.type as MessageType<object>, member as Record<string, unknown>)
        : field.scalar.endsWith('64')
          ? BigInt(member as number)
          : field.scalar === 'bytes'
            ? Uint8Array.from(Object.values(member as Record<string, number>))
            : member;
    out[field.name] = Array.isArray(value) ? (value as readonly unknown[]).map(one) : one(value);
  }
  return out;
}

describe('bytes on disk', () => {
  test('fields ascend whatever the order of the keys, zeros are written', () => {
    assert.equal(Buffer.from(FS_ENTRY.encode({ umask: 0, root_id: 2, cwd_id: 300 })).toString('hex'), '08ac0210021800');
  });

  test('plugins of the inventory: named, and present but empty (criu.md section 1.6)', () => {
    const base: InventoryEntry = { img_version: 2 };
    assert.equal(Buffer.from(INVENTORY_ENTRY.encode({ ...base, plugins_entry: { plugins: [] } })).toString('hex'), '08026200');
    assert.equal(
      Buffer.from(INVENTORY_ENTRY.encode({ ...base, plugins_entry: { plugins: ['x'] } })).toString('hex'),
      '0802620362' + '0178',
    );
    assert.equal(INVENTORY_ENTRY.decode(hex('08 02')).plugins_entry, undefined);
  });

  test('negative int32 and enums take ten bytes, sint32 few', () => {
    const mm = MM_ENTRY.plan.byNumber.get(15);
    assert.equal(mm?.name, 'dumpable');
    const bytes = Buffer.from(
      MM_ENTRY.encode({ ...(randomMessage(MM_ENTRY, () => 0) as Parameters<typeof MM_ENTRY.encode>[0]), dumpable: -1 }),
    );
    assert.ok(bytes.toString('hex').includes('78ffffffffffffffffff01'));
  });

  test('packed arrays are read', () => {
    assert.deepEqual(PSTREE_ENTRY.decode(hex('08 01 10 00 18 01 20 01 2a 03 01 ac 02')).threads, [1, 300]);
  });

  test('text that is not UTF-8 keeps its bytes', () => {
    for (const bytes of [hex('ff'), hex('61 c3'), hex('ed a0 80'), hex('f4 90 80 80 62'), hex('c3 a4 ff')])
      assert.deepEqual(Buffer.from(bytesOfText(textOfBytes(bytes))), bytes);
  });
});

describe('unknown fields', () => {
  test('survive at their place, in messages inside too', () => {
    // 14: allow_uprobes, 9: pre_dump_mode; 7 and 20 are unknown; 99 (varint) is unknown inside plugins_entry.
    const bytes = hex('08 02  3a 02 68 69  48 01  62 06 62 01 61 98 06 05  a1 01 01 02 03 04 05 06 07 08');
    const message = INVENTORY_ENTRY.decode(bytes);
    assert.equal((message as MessageBase)[UNKNOWN]?.length, 2);
    assert.equal((message.plugins_entry as MessageBase)[UNKNOWN]?.length, 1);
    assert.deepEqual(Buffer.from(INVENTORY_ENTRY.encode({ ...message })), bytes);
  });

  test('repeated unknown fields keep their order', () => {
    const bytes = hex('08 01 10 02  28 01 28 02 30 01 28 03');
    const back = FS_ENTRY.encode(FS_ENTRY.decode(bytes));
    assert.equal(Buffer.from(back).toString('hex'), '08011002' + '28012802280330' + '01');
  });
});

describe('parts that come again', () => {
  const limit = (cur: bigint): RlimitEntry => ({ cur, max: 0xffff_ffff_ffff_fff0n });
  const bytesOf = (...limits: bigint[]): Buffer => TASK_RLIMITS_ENTRY.encode({ rlimits: limits.map(limit) });

  test('are one frozen object', () => {
    const shared = new SharedParts();
    const first = TASK_RLIMITS_ENTRY.decode(bytesOf(1n << 63n, 1n << 62n), { shared });
    const again = TASK_RLIMITS_ENTRY.decode(bytesOf(1n << 62n, 1n << 63n, 1n << 61n), { shared });
    assert.equal(again.rlimits[0], first.rlimits[1]);
    assert.equal(again.rlimits[1], first.rlimits[0]);
    assert.deepEqual(again.rlimits, [1n << 62n, 1n << 63n, 1n << 61n].map(limit));
    assert.ok(Object.isFrozen(again.rlimits[0]) && !Object.isFrozen(again.rlimits[2]));
  });

  test('a field that is always new is decoded as ever', () => {
    const shared = new SharedParts();
    const values = Array.from({ length: 100 }, (_, i) => (1n << 62n) + BigInt(i));
    assert.deepEqual(TASK_RLIMITS_ENTRY.decode(bytesOf(...values, values[0]!, values[99]!), { shared }).rlimits, [
      ...values.map(limit),
      limit(values[0]!),
      limit(values[99]!),
    ]);
  });

  test('frozen messages are written like others', () => {
    const frozen = Object.freeze(limit(5n));
    const expected = bytesOf(5n, 7n, 5n);
    for (let i = 0; i < 2; i++) assert.deepEqual(TASK_RLIMITS_ENTRY.encode({ rlimits: [frozen, limit(7n), frozen] }), expected);
  });
});

describe('hostile messages', () => {
  const at = { path: '/img/x.img', offset: 100 };

  test('every truncation of every type is refused or reads as a shorter message, with file and offset', () => {
    const next = random(4);
    for (const type of types) {
      const bytes = type.encode(randomMessage(type, next));
      for (let cut = 0; cut < bytes.length; cut++) {
        try {
          type.decode(bytes.subarray(0, cut), at);
        } catch (error) {
          assert.ok(error instanceof CrError && error.code === 'CR_IMAGE_BAD', String(error));
          assert.equal(error.subject.path, at.path);
          assert.ok(Number(error.subject.offset) >= 100 && Number(error.subject.offset) <= 100 + cut + 16);
        }
      }
    }
  });

  test('what is refused', () => {
    refused(() => FS_ENTRY.decode(hex('08 01'), at), 'CR_IMAGE_BAD', /root_id is missing/);
    refused(() => FS_ENTRY.decode(hex('08 01 08 02 10 01'), at), 'CR_IMAGE_BAD', /cwd_id: occurs twice/);
    refused(() => FS_ENTRY.decode(hex('10 01 08 01 10 02'), at), 'CR_IMAGE_BAD', /root_id: occurs twice/);
    refused(() => INVENTORY_ENTRY.decode(hex('48 01 08 02 48 01'), at), 'CR_IMAGE_BAD', /pre_dump_mode: occurs twice/);
    refused(() => FS_ENTRY.decode(hex('0a 01 01 10 01'), at), 'CR_IMAGE_BAD', /wire type 2/);
    refused(() => FS_ENTRY.decode(hex('08 80 80 80 80 10 10 01'), at), 'CR_IMAGE_BAD', /does not fit in 32 bits/);
    refused(() => FS_ENTRY.decode(hex('00 00'), at), 'CR_IMAGE_BAD', /field tag/);
    refused(() => FS_ENTRY.decode(hex('08 ff ff ff ff ff ff ff ff ff 02'), at), 'CR_IMAGE_BAD', /64 bits/);
    refused(() => FS_ENTRY.decode(hex('08 ff ff ff ff ff ff ff ff ff ff 01'), at), 'CR_IMAGE_BAD', /64 bits/);
    refused(() => FS_ENTRY.decode(hex('0b'), at), 'CR_IMAGE_BAD', /wire type 3/);
    refused(() => FS_ENTRY.decode(hex('2b'), at), 'CR_IMAGE_BAD', /wire type 3/);
    refused(() => INVENTORY_ENTRY.decode(hex('08 02 10 02'), at), 'CR_IMAGE_BAD', /not a boolean/);
    refused(() => INVENTORY_ENTRY.decode(hex('08 02 62 ff ff ff ff 0f'), at), 'CR_IMAGE_BAD', /length 4294967295 goes past the end/);
    refused(() => FDINFO_ENTRY.decode(hex('08 01 10 00 18 63 20 00'), at), 'CR_IMAGE_FEATURE', /value 99 of fd_types/);
  });

  test('an enum number without a name is let through for showing only', () => {
    assert.equal(FDINFO_ENTRY.decode(hex('08 01 10 00 18 63 20 00'), { lenient: true }).type, 99);
  });

  test('nesting has an end', () => {
    let bytes = Buffer.from(CGROUP_DIR_ENTRY.encode({ dir_name: 'x', children: [], properties: [] }));
    for (let i = 0; i < 150; i++) {
      const length = bytes.length < 128 ? Buffer.of(bytes.length) : Buffer.of((bytes.length & 0x7f) | 0x80, bytes.length >> 7);
      bytes = Buffer.concat([hex('0a 01 78 12'), length, bytes]);
    }
    refused(() => CGROUP_DIR_ENTRY.decode(bytes, at), 'CR_IMAGE_BAD', /nested more than/);
  });

  test('a small record cannot ask for gigabytes', () => {
    // Empty messages of two bytes each: 3 million mappings in 6 MB.
    refused(
      () => INVENTORY_ENTRY.decode(Buffer.concat([hex('08 02'), Buffer.alloc(6_000_000, hex('7a 00'))]), at),
      'CR_IMAGE_BAD',
      /more than 2097152 elements/,
    );
  });
});

describe('bad values to write', () => {
  test('name message and field', () => {
    refused(() => FS_ENTRY.encode({ cwd_id: -1, root_id: 0 }), 'CR_INTERNAL', /fs_entry\.cwd_id: -1 is not an integer/);
    refused(() => FS_ENTRY.encode({ cwd_id: 1.5, root_id: 0 }), 'CR_INTERNAL', /1\.5/);
    refused(() => RLIMIT_ENTRY.encode({ cur: 1n << 64n, max: 0n }), 'CR_INTERNAL', /rlimit_entry\.cur/);
    refused(() => FS_ENTRY.encode({ cwd_id: 1 } as never), 'CR_INTERNAL', /root_id: required, but missing/);
    refused(() => PAGEMAP_ENTRY.encode({ vaddr: 1, compat_nr_pages: 0 } as never), 'CR_INTERNAL', /vaddr: 1 is not a bigint/);
  });
});
