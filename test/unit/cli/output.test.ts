import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { reservePidfile } from '../../../core/cli/pidfile.js';
import { describeFailure } from '../../../core/cli/run-context.js';
import { statsText } from '../../../core/cli/stats-text.js';
import { CrError, withTarget } from '../../../core/errors.js';

const dir = mkdtempSync(join(tmpdir(), 'criu-ts-output-'));
after(() => rmSync(dir, { recursive: true }));

test('a report has the thing, the call with its errno, the state and the next step', () => {
  const error = new CrError('CR_IMAGE_BAD', {
    message: 'is truncated',
    subject: { path: 'core-5.img', offset: 12n },
    kernel: { call: 'read(3)', errno: 'EIO' },
    target: 'not started',
  });
  assert.equal(
    error.report(),
    'CR_IMAGE_BAD  core-5.img at byte 12: is truncated\n  read(3) = EIO\n  target: not started.  Try: Dump again; file and offset are named.',
  );
  assert.deepEqual(describeFailure(error), { report: error.report(), exitCode: 1, stack: undefined });
});

test('a mistake of ours shows no stack to the user, but has one for the log', () => {
  const { report, exitCode, stack } = describeFailure(new TypeError('x is not a function'));
  assert.equal(report, 'CR_INTERNAL  x is not a function\n  Try: Please report it with the log.');
  assert.equal(exitCode, 1);
  assert.match(stack ?? '', /output\.test\.js/);
  assert.match(describeFailure('text').report, /^CR_INTERNAL {2}text\n/);
});

test('the state of the target is added once, and everything else stays', () => {
  const bare = new CrError('CR_KERNEL', {
    message: 'no',
    subject: { pid: 5 },
    kernel: { call: 'x()', errno: 'EIO' },
    exitCode: 3,
    hint: 'h',
  });
  const told = withTarget(bare, 'running');
  assert.ok(told instanceof CrError);
  assert.equal(told.report(), 'CR_KERNEL  pid 5: no\n  x() = EIO\n  target: running.  Try: h');
  assert.deepEqual([told.exitCode, told.subject], [3, { pid: 5 }]);
  assert.equal(withTarget(told, 'destroyed'), told);
  const foreign = new Error('foreign');
  assert.equal(withTarget(foreign, 'running'), foreign);
});

test('a pidfile is made once, filled, or taken back', () => {
  const first = reservePidfile('pid', dir);
  first.write(4711);
  assert.equal(readFileSync(join(dir, 'pid'), 'utf8'), '4711');
  assert.throws(() => reservePidfile('pid', dir), /cannot create the pidfile/);
  reservePidfile(join(dir, 'other'), '/nonexistent').discard();
  assert.equal(existsSync(join(dir, 'other')), false);
  writeFileSync(join(dir, 'full'), '');
  assert.throws(
    () => reservePidfile('full', dir),
    (error: CrError) => error.kernel?.errno === 'EEXIST',
  );
});

test('statistics have the wording that users of --display-stats parse', () => {
  const dump = {
    freezing_time: 5,
    frozen_time: 6,
    memdump_time: 7,
    memwrite_time: 8,
    pages_scanned: 20n,
    pages_skipped_parent: 0n,
    pages_written: 18n,
    pages_lazy: 0n,
  };
  const lines = statsText({ dump }).split('\n');
  assert.equal(lines[0], 'Displaying dump stats:');
  for (const line of ['Freezing time: 5 us', 'Frozen time: 6 us', 'Memory pages scanned: 20 (0x14)', 'Memory pages written: 18 (0x12)'])
    assert.ok(lines.includes(line), line);
  const restore = { pages_compared: 0n, pages_skipped_cow: 0n, forking_time: 3, restore_time: 44, pages_restored: 18n };
  assert.match(
    statsText({ restore }),
    /^Displaying restore stats:\n[^]*Pages restored: 18 \(0x12\)\nRestore time: 44 us\nForking time: 3 us\n$/,
  );
});
