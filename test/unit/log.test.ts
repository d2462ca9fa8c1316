import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createLog, openLog, timestamp } from '../../core/log.js';

function record(verbosity: number): { lines: string[]; log: ReturnType<typeof createLog> } {
  const lines: string[] = [];
  let time = 5_000_000_000n;
  const log = createLog({ verbosity, sink: (line) => lines.push(line), now: () => (time += 1_234_567n), site: () => 'pipes.ts:7' });
  return { lines, log };
}

function writeAllLevels(log: ReturnType<typeof createLog>): void {
  log.msg('m');
  log.error('e');
  log.warn('w');
  log.info('i');
  log.debug('d');
}

test('lines per verbosity, in the format that CRIU clients search', () => {
  const expected: Record<number, string[]> = {
    0: ['m\n'],
    1: ['m\n', 'Error (pipes.ts:7): e\n'],
    2: ['m\n', 'Error (pipes.ts:7): e\n', 'Warn  (pipes.ts:7): w\n'],
    3: ['(00.001234) m\n', '(00.002469) Error (pipes.ts:7): e\n', '(00.003703) Warn  (pipes.ts:7): w\n', '(00.004938) i\n'],
  };
  for (const [verbosity, lines] of Object.entries(expected)) {
    const got = record(Number(verbosity));
    writeAllLevels(got.log);
    assert.deepEqual(got.lines, lines, `verbosity ${verbosity}`);
  }
});

test('time stamps count seconds beyond two digits', () => {
  assert.equal(timestamp(0n), '(00.000000) ');
  assert.equal(timestamp(123_456_789_012n), '(123.456789) ');
});

test('the first error is kept, also when it is not printed', () => {
  const { log, lines } = record(0);
  assert.equal(log.firstError, undefined);
  log.error('x'.repeat(5000));
  log.error('second');
  assert.equal(log.firstError, 'x'.repeat(1023));
  assert.deepEqual(lines, []);
});

test('names with control characters cannot fake lines; a line is bounded', () => {
  const { log, lines } = record(2);
  log.error('file "a\nError: all is lost\u001b[2J"');
  log.warn('y'.repeat(10_000));
  assert.equal(lines[0], 'Error (pipes.ts:7): file "a\\x0aError: all is lost\\x1b[2J"\n');
  assert.ok((lines[1]?.length ?? 0) < 4200);
});

test('the place of the caller is named', () => {
  const lines: string[] = [];
  createLog({ verbosity: 2, sink: (line) => lines.push(line) }).warn('here');
  assert.match(lines[0] ?? '', /^Warn {2}\(log\.test\.js:\d+\): here\n$/);
});

test('a log file lies in the work dir; one that cannot be made is a usage error', () => {
  const dir = mkdtempSync(join(tmpdir(), 'criu-ts-log-'));
  try {
    const log = openLog({ verbosity: 4, logFile: 'a.log', workDir: dir });
    log.debug('text');
    log.close();
    assert.match(readFileSync(join(dir, 'a.log'), 'utf8'), /^\(\d\d\.\d{6}\) text\n$/);
    assert.throws(() => openLog({ verbosity: 2, logFile: 'no/such/dir', workDir: dir }), /no\/such\/dir: cannot create the log file/);
  } finally {
    rmSync(dir, { recursive: true });
  }
});
