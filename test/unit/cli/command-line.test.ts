import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseCommandLine } from '../../../core/cli/command-line.js';
import { helpText } from '../../../core/cli/help.js';
import { editDistance, nearest } from '../../../core/nearest.js';
import { createProgress } from '../../../core/cli/progress.js';
import { CrError } from '../../../core/errors.js';

const NOWHERE = { system: '/nonexistent/default.conf', home: undefined, fromEnvironment: undefined, libsDir: undefined };

function failure(argv: readonly string[]): CrError {
  try {
    parseCommandLine(argv, NOWHERE);
  } catch (error) {
    assert.ok(error instanceof CrError, String(error));
    return error;
  }
  assert.fail(`accepted: ${argv.join(' ')}`);
}

test('commands: none, unknown, not built, removed, too many words', () => {
  assert.match(failure([]).report(), /no command/);
  assert.match(failure(['dupm']).report(), /Did you mean dump/);
  assert.equal(failure(['swrk', '3']).code, 'CR_NOT_BUILT');
  assert.equal(failure(['service', '--address', 'x']).message, 'the command service is not built yet');
  assert.equal(failure(['exec']).exitCode, 255);
  assert.match(failure(['check', '-S']).message, /--restore-sibling needs/);
  assert.match(failure(['dump', 'again', '-t', '1']).message, /excessive parameter "again"/);
});

test('a name of Object.prototype is no command and no option', () => {
  assert.match(failure(['constructor']).message, /unknown command/);
  assert.match(failure(['dump', '--__proto__']).message, /unknown option/);
});

test('--version and --help win over everything else', () => {
  assert.equal(parseCommandLine(['dump', '-V'], NOWHERE), 'version');
  assert.equal(parseCommandLine(['--help', 'swrk'], NOWHERE), 'help');
  assert.equal(parseCommandLine(['--no-such-option', '-h'], NOWHERE), 'help');
});

test('the help text fits 80 columns', () => {
  assert.deepEqual(
    helpText()
      .split('\n')
      .filter((line) => line.length > 80),
    [],
  );
});

test('edit distance', () => {
  const table: [string, string, number][] = [
    ['tree', 'tree', 0],
    ['tere', 'tree', 1],
    ['tre', 'tree', 1],
    ['trees', 'tree', 1],
    ['dump', 'restore', 4],
  ];
  for (const [a, b, expected] of table) assert.equal(editDistance(a, b, 3), expected, `${a} ${b}`);
  assert.equal(nearest('zzzzzz', ['tree', 'dump']), undefined);
  assert.equal(nearest('x'.repeat(100_000), ['tree']), undefined);
});

test('progress: nothing in the first second, nothing without a terminal, at most ten lines a second', () => {
  let time = 0;
  const written: string[] = [];
  const progress = createProgress(
    true,
    (part) => written.push(part),
    () => time,
  );
  progress.update({ stage: 'pages', done: 1, total: 4 });
  assert.deepEqual(written, []);
  time = 1500;
  progress.update({ stage: 'pages', done: 2, total: 4 });
  progress.update({ stage: 'pages', done: 3, total: 4 });
  assert.deepEqual(written, ['\r\x1b[Kcriu-ts: pages 50 %']);
  progress.clear();
  assert.equal(written[1], '\r\x1b[K');
  assert.equal(written.length, 2);
  progress.clear();
  assert.equal(written.length, 2, 'there is nothing left to clear');
  const silent = createProgress(
    false,
    () => assert.fail('written'),
    () => (time += 5000),
  );
  silent.update({ stage: 'pages' });
  silent.clear();
});

test('progress: the line is gone before the tree runs, whose terminal it may be (--shell-job)', () => {
  const written: string[] = [];
  let time = 0;
  const progress = createProgress(
    true,
    (part) => written.push(part),
    () => (time += 2000),
  );
  progress.update({ stage: 'release' });
  progress.update({ stage: 'resume' });
  assert.deepEqual(written, ['\r\x1b[Kcriu-ts: release', '\r\x1b[K']);
  progress.update({ stage: 'postResumeScript' });
  progress.clear();
  assert.equal(written.length, 2);
});
