import assert from 'node:assert/strict';
import { closeSync, openSync, readlinkSync } from 'node:fs';
import { test } from 'node:test';
import { HostDouble } from '@criu-ts/plugin-sdk/testing';
import plugin from '../src/index.js';

/** Stands for the device. */
const PATH = '/dev/null';
const seen = { pid: 10, fd: 3, type: 'character device', link: PATH, major: 1, minor: 3, inode: 1n, proc: PATH, frozen: true } as const;

test('what is saved at the dump is opened at the restore', async () => {
  const dump = new HostDouble(plugin, 'dump');
  assert.deepEqual(await dump.call('dump.claimFile', seen), { what: PATH });
  const local = openSync(PATH, 'r');
  await dump.call('dump.saveFile', { ...seen, id: 7, flags: 0, pos: 0n, local });
  closeSync(local);
  assert.equal(dump.images.size, 1);

  const restore = new HostDouble(plugin, 'restore', { images: dump.images });
  const answer = await restore.call('restore.openFile', { id: 7, flags: 0 });
  assert.ok(answer && 'fd' in answer);
  assert.equal(readlinkSync(`/proc/self/fd/${answer.fd}`), PATH);
  closeSync(answer.fd);
});

test('a file that was not saved is an error that names it', async () => {
  const restore = new HostDouble(plugin, 'restore');
  await assert.rejects(restore.call('restore.openFile', { id: 8, flags: 0 }), /restore\.openFile: sample_plugin-8\.json is not there/);
});
