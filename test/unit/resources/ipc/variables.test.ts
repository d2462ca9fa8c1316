import assert from 'node:assert/strict';
import { test } from 'node:test';
import { entryOf, type IpcVariable } from '../../../../core/resources/ipc/variables.js';
import { messageBytes } from '../../../../core/resources/ipc/queues.js';

const TEXTS: Partial<Record<IpcVariable, string>> = {
  'kernel/sem': '32000\t1024000000\t500\t32000\n',
  'kernel/msgmax': '8192\n',
  'kernel/shmmax': '18446744073692774399\n',
  'kernel/shm_next_id': '-1\n',
  'kernel/msg_next_id': '7\n',
};
const words = (name: IpcVariable) => (TEXTS[name] ?? '').split(/\s+/).filter(Boolean);

test('variables of a namespace: 64 bits are kept, and -1 is no wish for an id', () => {
  const entry = entryOf(words);
  assert.deepEqual(entry.sem_ctls, [32000, 1024000000, 500, 32000]);
  assert.equal(entry.shm_ctlmax, 18446744073692774399n);
  assert.equal(entry.msg_ctlmax, 8192);
  assert.equal(entry.msg_next_id, 7);
  assert.equal('shm_next_id' in entry, false);
  assert.equal('mq_msg_default' in entry, false);
});

test('messages are padded to eight bytes, those that need it', () => {
  for (const length of [0, 1, 7, 8, 9]) {
    const bytes = messageBytes(5n, Buffer.alloc(length, 0x61));
    const record = 4 + bytes.readUInt32LE(0);
    assert.equal(bytes.length - record, Math.ceil(length / 8) * 8);
    assert.equal(bytes.toString('latin1', record, record + length), 'a'.repeat(length));
    assert.ok(bytes.subarray(record + length).every((byte) => byte === 0));
  }
});
