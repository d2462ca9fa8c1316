/**
 * The fault sweep: ops of the programs of a dump and of a restore are made to fail, one a run. A dump that fails leaves the target running unharmed; a
 * restore that fails leaves no process, file or mount behind. CRIU_TS_SWEEP=all takes every op; otherwise a sample that moves through all programs.
 */
import assert from 'node:assert/strict';
import { readdirSync, rmSync } from 'node:fs';
import { describe, test } from 'node:test';
import { NEEDS_ROOT, Orphanage, Running, assertGone, describeFault, endTree, faultRun, leftovers, ready, sweep } from '../helpers/sweep.js';
import { ours } from '../helpers/tools.js';

const SAMPLE = 16;
const NAMES = ['threads-10', 'cow-tree', 'fault-mix'];

describe('any op of a dump fails, and the target runs on unharmed', { skip: NEEDS_ROOT }, () => {
  for (const name of NAMES)
    test(name, async () => {
      const running = new Running(name);
      try {
        await sweep(SAMPLE, async (place) => {
          const { outcome, images, where } = await running.dump(place && { what: 'fail', place });
          if (outcome?.error) {
            assert.equal(outcome.target, 'running', where);
            assert.deepEqual(readdirSync(images), [], where);
          }
          await running.assertUnharmed(where);
          rmSync(images, { recursive: true });
          return outcome;
        });
        await running.finish();
      } finally {
        await running.close();
      }
    });
});

describe('any op of a restore fails, and nothing is left', { skip: NEEDS_ROOT }, () => {
  for (const name of NAMES)
    test(name, async () => {
      const { subject, scenario } = await ready(name);
      const orphans = new Orphanage(subject);
      try {
        await subject.dump(ours, scenario.dumpOptions);
        await subject.waitGone('after the dump');
        const before = leftovers(subject);
        await sweep(SAMPLE, async (place) => {
          orphans.reap();
          const fault = place && { what: 'fail', place };
          const outcome = await faultRun(subject, ['restore', subject.images], fault);
          const where = describeFault(fault, outcome);
          if (outcome?.error) {
            assert.ok(outcome.target === 'destroyed' || outcome.target === 'not started', `${where}: target ${outcome.target}`);
            await assertGone(subject, where);
            assert.deepEqual(leftovers(subject), before, where);
          } else await endTree(subject);
          return outcome;
        });
        orphans.reap();
        await subject.restore(ours, scenario.restoreOptions);
        await scenario.finish(subject);
      } finally {
        await subject.close();
        orphans.close();
      }
    });
});
