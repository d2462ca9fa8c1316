/** Real programs in every way through a checkpoint (test/programs). */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { MODES, caseName, casesOf, runCase } from '../helpers/modes.js';
import { programs } from '../programs/programs.js';

describe('real programs', { concurrency: 2 }, () => {
  for (const item of casesOf(programs(), MODES)) {
    test(caseName(item), { skip: process.getuid?.() === 0 ? false : 'needs root: processes are frozen and pids chosen' }, async () => {
      const outcome = await runCase(item);
      assert.ok(outcome.kind === 'pass' || outcome.kind === 'gap', outcome.reason);
    });
  }
});
