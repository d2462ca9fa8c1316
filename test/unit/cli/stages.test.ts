import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stagesText } from '../../../core/cli/stages.js';
import { Hooks } from '../../../core/hooks.js';
import { STAGES } from '../../../core/stages.js';

test('every stage is printed once per operation, in order', () => {
  const names = stagesText(new Hooks())
    .split('\n')
    .flatMap((line) => /^ {2}(\w+) +(?:running|frozen|none|parked|final) /.exec(line)?.[1] ?? []);
  assert.deepEqual(
    names,
    Object.values(STAGES).flatMap((stages) => Object.keys(stages)),
  );
});

test('who is attached is named at its stage', () => {
  const hooks = new Hooks();
  hooks.stage('dump', 'freeze').before.tap('cuda', () => undefined);
  const lines = stagesText(hooks).split('\n');
  const at = lines.findIndex((line) => line.startsWith('  freeze '));
  assert.equal(lines[at + 2], '    before: cuda');
});
