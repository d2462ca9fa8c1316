/** Every victim in every way through a checkpoint, ours and the peers' (test/helpers/modes.ts), two at a time. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { knownGaps } from '../helpers/gaps.js';
import { MODES, caseName, casesOf, runCase } from '../helpers/modes.js';
import { peers } from '../helpers/peers.js';
import { programs } from '../programs/programs.js';
import { scenarioOf, type Scenario } from '../helpers/scenario.js';
import { victims } from '../helpers/victims.js';

test('known gaps name victims and peers that exist', () => {
  const names = new Set([...victims(), ...programs()].map(({ name }) => name));
  const versions = new Set(peers().map((peer) => peer.version));
  for (const gap of knownGaps()) {
    assert.ok(names.has(gap.victim), `there is no victim ${gap.victim}`);
    assert.ok(gap.peers.length > 0 && gap.peers.every((version) => versions.has(version)), `${gap.victim}: peers ${gap.peers.join(', ')}`);
    assert.ok(gap.reason.length > 20, `${gap.victim}: the reason is missing`);
  }
});

function takeThrough(scenarios: readonly Scenario[]): void {
  for (const item of casesOf(scenarios, MODES)) {
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

const all = victims().map(scenarioOf);
const alone = (scenario: Scenario): boolean => (scenario.shares ?? null) !== null;
describe('victims', { concurrency: 2 }, () => takeThrough(all.filter((scenario) => !alone(scenario))));
describe('victims that need something which there is only once', { concurrency: 1 }, () => takeThrough(all.filter(alone)));
