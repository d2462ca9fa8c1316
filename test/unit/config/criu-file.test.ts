import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { type CommandLine, parseCommandLine } from '../../../core/cli/command-line.js';
import { parseConfig, readConfig, splitLine } from '../../../core/config/criu-file.js';
import { CrError } from '../../../core/errors.js';

const dir = mkdtempSync(join(tmpdir(), 'criu-ts-config-'));
after(() => rmSync(dir, { recursive: true }));

function file(name: string, text: string): string {
  const path = join(dir, name);
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, text);
  return path;
}

function parse(argv: readonly string[], places: { system?: string; home?: string; fromEnvironment?: string } = {}): CommandLine {
  const line = parseCommandLine(argv, {
    system: places.system ?? join(dir, 'none'),
    home: places.home,
    fromEnvironment: places.fromEnvironment,
    libsDir: undefined,
  });
  assert.ok(typeof line !== 'string');
  return line;
}

const LINES: readonly (readonly [string, ReturnType<typeof splitLine>])[] = [
  ['', undefined],
  ['   ', undefined],
  ['# comment', undefined],
  ['leave-running', { name: 'leave-running', value: undefined }],
  ['no-restore-sibling   # another comment', { name: 'no-restore-sibling', value: undefined }],
  ['work-dir /tmp/x', { name: 'work-dir', value: '/tmp/x' }],
  ['\twork-dir\t/tmp/x  ', { name: 'work-dir', value: '/tmp/x' }],
  ['work-dir "/home/my \\"work\\" directory"', { name: 'work-dir', value: '/home/my "work" directory' }],
  ['work-dir "a # b"', { name: 'work-dir', value: 'a # b' }],
  // Only the quote can be escaped.
  ['work-dir "a\\\\b\\n"', { name: 'work-dir', value: 'a\\\\b\\n' }],
  ['work-dir ""', { name: 'work-dir', value: '' }],
  ['verbosity=4', { name: 'verbosity', value: '4' }],
];

test('lines', () => {
  for (const [line, expected] of LINES) assert.deepEqual(splitLine(line), expected, line);
  assert.throws(() => splitLine('work-dir a b'), /Unsupported configuration file format/);
  assert.throws(() => splitLine('work-dir "a'), /does not end/);
});

test('errors name file and line', () => {
  const refused: [string, RegExp][] = [
    ['leave-running\n\nlog-fil x\nbla', /f:4: bla/],
    ['tree', /f:1: tree needs a value/],
    ['leave-running yes', /f:1: leave-running takes no value/],
    ['config x', /f:1: config cannot stand in a configuration file/],
    ['work-dir a b', /f:1: Unsupported configuration file format/],
  ];
  for (const [text, pattern] of refused) assert.throws(() => parseConfig(text, 'f'), pattern);
});

test('a missing file has no options; what is no file is refused', () => {
  assert.deepEqual(readConfig(join(dir, 'none')), []);
  assert.throws(() => readConfig('/dev/zero'), /not a regular file/);
  assert.throws(
    () => readConfig(dir),
    (error) => error instanceof CrError,
  );
});

test('a bad value in a file names its place', () => {
  const path = file('bad', 'leave-running\nghost-limit huge\n');
  assert.throws(() => parse(['dump', '--config', path]), new RegExp(`${path}:2: ghost-limit: "huge" is not a size`));
});

test('order: system, home, environment, --config, command line; the later wins', () => {
  const system = file('system', 'log-file system\nwork-dir system\nghost-limit 1K\ntimeout 1\nverbosity 0');
  file('home/.criu/default.conf', 'log-file home\nghost-limit 2K\ntimeout 2\nverbosity 1');
  const home = join(dir, 'home');
  const fromEnvironment = file('env', 'ghost-limit 3K\ntimeout 3\nverbosity 2');
  const config = file('named', 'timeout 4\nverbosity 3');
  const all = parse(['dump', '-v4'], { system, home, fromEnvironment }).settings.engine;
  assert.deepEqual(all, { logFile: 'home', workDir: 'system', ghostLimit: 3072, timeoutMs: 3000, verbosity: 4 });
  // --config replaces the first two, not the one of the environment.
  const named = parse(['dump', '--conf', config], { system, home, fromEnvironment }).settings.engine;
  assert.deepEqual(named, { ghostLimit: 3072, timeoutMs: 4000, verbosity: 3 });
  const none = parse(['dump', '--no-default-config'], { system, home }).settings.engine;
  assert.deepEqual(none, {});
});

test('a file may hold options that CRIU has and we refuse', () => {
  const path = file('tcp', 'tcp-established');
  assert.throws(
    () => parse(['dump', '--config', path]),
    (error) => error instanceof CrError && error.code === 'CR_NOT_BUILT',
  );
  assert.equal(parse(['check', '--config', path]).notes.length, 1);
});
