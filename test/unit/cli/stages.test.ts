import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createHooks } from '../../../core/attach.js';
import { stagesText } from '../../../core/cli/stages.js';
import { Hooks } from '../../../core/hooks.js';
import { FILE_KINDS } from '../../../core/resources/files/kinds.js';
import { TASK_RESOURCES } from '../../../core/resources/registry.js';
import { STAGES } from '../../../core/stages.js';

/** Lines of one stage of an operation, without indentation; lists are joined. */
function stageOf(text: string, operation: string, stage: string): string[] {
  const lines = text.split('\n');
  const start = lines.findIndex(
    (line, i) => i > lines.findIndex((other) => other.startsWith(`${operation}:`)) && line.startsWith(`  ${stage} `),
  );
  const end = lines.findIndex((line, i) => i > start && !line.startsWith('   '));
  return lines
    .slice(start, end)
    .join('\n')
    .replaceAll(/,\n +/g, ', ')
    .split('\n')
    .map((line) => line.trim());
}

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
  const hooks = createHooks();
  hooks.stage('dump', 'freeze').before.tap('cuda', () => undefined);
  hooks.addFileKind({ ...FILE_KINDS[0]!, name: 'gpu-file' });
  hooks.addResource({ name: 'gpu-memory', plan: () => [] }, 'registers');
  const text = stagesText(hooks);
  assert.equal(stageOf(text, 'dump', 'freeze')[2], 'before: cuda');
  assert.equal(stageOf(text, 'dump', 'files')[2], `claimFile: ${FILE_KINDS.map(({ name }) => name).join(', ')}, gpu-file`);
  assert.equal(stageOf(text, 'restore', 'read')[2], `claimEntry: ${FILE_KINDS.map(({ name }) => name).join(', ')}, gpu-file`);
  assert.match(stageOf(text, 'restore', 'plan')[2] ?? '', /^resources: (.*, )?gpu-memory, registers, /);
});

test('every built-in resource is attached somewhere', () => {
  const text = stagesText(createHooks());
  for (const { name } of TASK_RESOURCES) assert.match(text, new RegExp(`[ ,]${name}(,|$)`, 'm'), name);
});

test('names are unique, and a place must exist', () => {
  const hooks = createHooks();
  assert.throws(() => hooks.addResource({ name: 'registers' }), /there is a resource "registers" already/);
  assert.throws(() => hooks.addResource({ name: 'x' }, 'regisers'), /there is no resource "regisers"; there are seccomp, /);
  assert.throws(() => hooks.addFileKind(FILE_KINDS[0]!), /there is a kind of file "eventfd" already/);
});
