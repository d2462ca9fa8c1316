/**
 * Every victim in some of the ways through a checkpoint, two at a time. Each way has a test file of its own: all of them in one came near the time that
 * config/test.mjs gives a file on a machine with other work.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { caseName, casesOf, runCase, type Mode } from './modes.js';
import { scenarioOf, type Scenario } from './scenario.js';
import { victims } from './victims.js';

function takeThrough(scenarios: readonly Scenario[], modes: readonly Mode[]): void {
  for (const item of casesOf(scenarios, modes)) {
    test(
      caseName(item),
      { skip: process.getuid?.() === 0 ? false : 'needs root: processes are frozen and pids chosen' },
      async (context) => {
        const outcome = await runCase(item);
        if (outcome.kind === 'skip') context.skip(`this machine has no ${outcome.reason}`);
        assert.notEqual(outcome.kind, 'fail', outcome.reason);
      },
    );
  }
}

/** Declares the tests of a file. */
export function everyVictim(...modes: readonly Mode[]): void {
  const all = victims().map(scenarioOf);
  const alone = (scenario: Scenario): boolean => (scenario.shares ?? null) !== null;
  describe('victims', { concurrency: 2 }, () => {
    takeThrough(
      all.filter((scenario) => !alone(scenario)),
      modes,
    );
  });
  describe('victims that need something which there is only once', { concurrency: 1 }, () => takeThrough(all.filter(alone), modes));
}
