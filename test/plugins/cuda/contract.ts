/** What every back end must do, whatever is behind it: the same tests for the fake in memory, the fake library, the fake program, and hardware. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import type { CallLimits, CudaBackend } from '../../../plugins/cuda/src/backend.js';
import { isUuid } from '../../../plugins/cuda/src/device-map.js';
import { CudaCallError } from '../../../plugins/cuda/src/errors.js';

/** A process that uses CUDA. */
export interface ContractProcess {
  readonly pid: number;
  /** Something that is equal as long as its device memory is. The process uses CUDA for it: it must be running. */
  content(): Promise<string>;
  /** Gives the device work for that long. */
  busy(ms: number): Promise<void>;
  /** No thread of it can run from then on; and can again. */
  freeze(): Promise<void>;
  thaw(): void;
}

export interface ContractHost {
  open(limits?: Partial<CallLimits>): Promise<CudaBackend>;
  start(): Promise<ContractProcess>;
  /** A process without CUDA. */
  readonly plain: number;
  /** A number that no process has. */
  readonly nobody: number;
  /** Ends everything it started. */
  close(): Promise<void>;
}

/** Milliseconds of work, and for a lock: one is much longer than the other. */
const LONG_MS = 3_000;
const SHORT_MS = 200;

function refusal(action: string) {
  return (error: unknown) => error instanceof CudaCallError && error.action === action && !error.lost && error.hint !== '';
}

/** @param skipBusy why the process cannot be kept busy */
export function contract(
  name: string,
  makeHost: () => Promise<ContractHost>,
  options: { readonly skip?: string | false; readonly skipBusy?: string } = {},
): void {
  describe(`contract of ${name}`, { skip: options.skip ?? false }, () => {
    let host: ContractHost;
    let backend: CudaBackend;

    beforeEach(async () => {
      host = await makeHost();
      backend = await host.open();
    });
    afterEach(async () => {
      await backend.close(true);
      await host.close();
    });

    test('devices have UUIDs of their own', async () => {
      const devices = await backend.devices();
      assert.ok(
        devices.every(({ uuid }) => isUuid(uuid)),
        JSON.stringify(devices),
      );
      assert.equal(new Set(devices.map(({ uuid }) => uuid)).size, devices.length);
      for (const [uuid, free] of await backend.freeMemory()) {
        const total = devices.find((device) => device.uuid === uuid)?.totalMemory ?? 0;
        assert.ok(free > 0 && free <= total, `${uuid}: ${free} of ${total} bytes are free`);
      }
    });

    test('a process without CUDA has no restore thread, and cannot be locked', async () => {
      assert.equal(await backend.restoreThread(host.plain), null);
      await assert.rejects(backend.lock(host.plain, SHORT_MS), refusal('lock'));
    });

    test('a process that is not there has no restore thread', async () => {
      assert.equal(await backend.restoreThread(host.nobody), null);
      await assert.rejects(backend.state(host.nobody), refusal('state'));
    });

    test('device memory survives the way there and back', async () => {
      const { pid, content } = await host.start();
      const before = await content();
      assert.ok(((await backend.restoreThread(pid)) ?? 0) > 0);
      assert.equal(await backend.state(pid), 'running');
      await backend.lock(pid, LONG_MS);
      assert.equal(await backend.state(pid), 'locked');
      await backend.checkpoint(pid);
      assert.equal(await backend.state(pid), 'checkpointed');
      await backend.restore(pid, []);
      assert.equal(await backend.state(pid), 'locked');
      await backend.unlock(pid);
      assert.equal(await backend.state(pid), 'running');
      assert.equal(await content(), before);
    });

    test('what the state does not allow is refused, and changes nothing', async () => {
      const { pid } = await host.start();
      await assert.rejects(backend.checkpoint(pid), refusal('checkpoint'));
      await assert.rejects(backend.restore(pid, []), refusal('restore'));
      await assert.rejects(backend.unlock(pid), refusal('unlock'));
      assert.equal(await backend.state(pid), 'running');
      await backend.lock(pid, LONG_MS);
      await assert.rejects(backend.lock(pid, LONG_MS), refusal('lock'));
      await assert.rejects(backend.restore(pid, []), refusal('restore'));
      assert.equal(await backend.state(pid), 'locked');
      await backend.unlock(pid);
    });

    test('a lock waits for work on the device', { skip: options.skipBusy ?? false }, async () => {
      const process = await host.start();
      await process.busy(SHORT_MS * 2);
      await backend.lock(process.pid, LONG_MS * 4);
      assert.equal(await backend.state(process.pid), 'locked');
      await backend.unlock(process.pid);
    });

    test('a lock that runs out of time leaves the process running', { skip: options.skipBusy ?? false }, async () => {
      const process = await host.start();
      await process.busy(LONG_MS);
      await assert.rejects(backend.lock(process.pid, SHORT_MS), refusal('lock'));
      assert.equal(await backend.state(process.pid), 'running');
    });

    test('processes can be moved at once', async () => {
      const all = await Promise.all([host.start(), host.start()]);
      const each = (work: (pid: number) => Promise<void>) => Promise.all(all.map(({ pid }) => work(pid)));
      const before = await Promise.all(all.map(({ content }) => content()));
      await each((pid) => backend.lock(pid, LONG_MS));
      await each((pid) => backend.checkpoint(pid));
      await each((pid) => backend.restore(pid, []));
      await each((pid) => backend.unlock(pid));
      assert.deepEqual(await Promise.all(all.map(({ content }) => content())), before);
    });

    test('the restore thread of a process that cannot run is found', async () => {
      const process = await host.start();
      const tid = await backend.restoreThread(process.pid);
      await process.freeze();
      try {
        assert.equal(await backend.restoreThread(process.pid), tid);
      } finally {
        process.thaw();
      }
    });

    test('a call that hangs ends for us: it is lost, and named when the back end is closed', async () => {
      const process = await host.start();
      const hasty = await host.open({ askMs: SHORT_MS, attachMs: LONG_MS });
      await process.freeze();
      const started = performance.now();
      await assert.rejects(
        hasty.state(process.pid),
        (error: unknown) => error instanceof CudaCallError && error.lost && /no answer within/.test(error.message),
      );
      assert.ok(performance.now() - started < LONG_MS * 3);
      const lost = await hasty.close(true);
      process.thaw();
      assert.deepEqual(
        lost.map(({ pid, action }) => [pid, action]),
        [[process.pid, 'state']],
      );
    });
  });
}
