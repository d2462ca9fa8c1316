/** The list of what the peer cannot do names only what exists. That each gap still is one is seen by the tests that it excuses (test/helpers/modes.ts). */
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { knownGaps } from '../helpers/gaps.js';
import { MODES } from '../helpers/modes.js';
import { peers } from '../helpers/peers.js';
import { repository } from '../helpers/run-command.js';
import { victims } from '../helpers/victims.js';
import { programs } from '../programs/programs.js';

test('known gaps name victims and peers that exist', () => {
  const names = new Set([...victims(), ...programs()].map(({ name }) => name));
  const versions = new Set(peers().map((peer) => peer.version));
  for (const gap of knownGaps()) {
    assert.ok(names.has(gap.victim), `there is no victim ${gap.victim}`);
    assert.ok(gap.peers.length > 0 && gap.peers.every((version) => versions.has(version)), `${gap.victim}: peers ${gap.peers.join(', ')}`);
    assert.ok(gap.reason.length > 20, `${gap.victim}: the reason is missing`);
  }
});

test('every way through a checkpoint has a file that takes the victims through it', () => {
  const folder = join(repository, 'test/interop');
  const files = readdirSync(folder).filter((name) => /^victims-.*\.test\.ts$/.test(name));
  const taken = files.flatMap((name) => [...readFileSync(join(folder, name), 'utf8').matchAll(/'([a-z-]+)'/g)].map(([, word]) => word));
  assert.deepEqual(taken.sort(), [...MODES].sort());
});
