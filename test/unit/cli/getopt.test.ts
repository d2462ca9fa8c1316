import assert from 'node:assert/strict';
import { test } from 'node:test';
import { splitWords } from '../../../core/cli/getopt.js';
import { applyOccurrence } from '../../../core/config/occurrence.js';
import { OPTION_ROWS } from '../../../core/config/options-table.js';
import { type Command, type Settings, emptySettings } from '../../../core/config/settings.js';
import { CrError } from '../../../core/errors.js';

function settingsOf(command: Command, argv: readonly string[]): Settings {
  const settings = emptySettings();
  for (const occurrence of splitWords(argv).occurrences) applyOccurrence(settings, occurrence, command);
  return settings;
}

function usageOf(command: Command, argv: readonly string[]): CrError {
  try {
    settingsOf(command, argv);
  } catch (error) {
    assert.ok(error instanceof CrError, String(error));
    return error;
  }
  assert.fail(`accepted: ${argv.join(' ')}`);
}

/** argv, command, expected engine fields. */
const ACCEPTED: readonly (readonly [string, Command, Settings['engine']])[] = [
  ['dump -t 42', 'dump', { pid: 42 }],
  ['-t42 dump', 'dump', { pid: 42 }],
  ['dump --tree=42', 'dump', { pid: 42 }],
  ['dump --tree 42', 'dump', { pid: 42 }],
  ['dump --tre 42', 'dump', { pid: 42 }],
  ['dump -D a -W b', 'dump', { imagesDir: 'a', workDir: 'b' }],
  ['dump -Da -o x', 'dump', { imagesDir: 'a', logFile: 'x' }],
  ['dump -o -', 'dump', { logFile: '-' }],
  ['dump -v', 'dump', { verbosity: 3 }],
  ['dump -vv', 'dump', { verbosity: 4 }],
  ['dump -v -v', 'dump', { verbosity: 4 }],
  ['dump -vvvvvv', 'dump', { verbosity: 4 }],
  ['dump -v0', 'dump', { verbosity: 0 }],
  ['dump -v4', 'dump', { verbosity: 4 }],
  ['dump -v9', 'dump', { verbosity: 4 }],
  ['dump --verbosity=1', 'dump', { verbosity: 1 }],
  ['dump --verbosity', 'dump', { verbosity: 3 }],
  ['check --no-default-config -verbosity=0 --feature userns', 'check', { verbosity: 0, feature: 'userns' }],
  ['dump -Rj', 'dump', { leaveRunning: true, leaveStopped: false, shellJob: true }],
  ['dump -jRv4', 'dump', { leaveRunning: true, leaveStopped: false, shellJob: true, verbosity: 4 }],
  ['dump -R -s', 'dump', { leaveRunning: false, leaveStopped: true }],
  ['dump -s -R', 'dump', { leaveRunning: true, leaveStopped: false }],
  ['dump --shell-job --no-shell-job', 'dump', { shellJob: false }],
  ['dump --timeout 3', 'dump', { timeoutMs: 3000 }],
  ['dump --ghost-limit 2M', 'dump', { ghostLimit: 2 << 20 }],
  ['dump --ghost-limit 512K', 'dump', { ghostLimit: 512 << 10 }],
  ['dump --ghost-limit 0', 'dump', { ghostLimit: 0 }],
  ['dump --no-ghost-fiemap', 'dump', { ghostFiemap: false }],
  ['dump --action-script a --action-script b', 'dump', { actionScripts: ['a', 'b'] }],
  ['dump --file-validation filesize', 'dump', { fileValidation: 'filesize' }],
  ['restore -d -S', 'restore', { detached: true, sibling: true }],
  ['restore --daemon', 'restore', { detached: true }],
  ['restore -d --no-restore-detached', 'restore', { detached: false }],
  ['check --all', 'check', { extra: true, experimental: true }],
  ['check --all --no-extra', 'check', { extra: false, experimental: true }],
  // Values that spell out a default ask for nothing.
  ['dump --pre-dump-mode splice', 'dump', {}],
  ['dump --no-tcp-established', 'dump', {}],
  ['dump --manage-cgroups=ignore', 'dump', {}],
  // An option that means nothing to the command, as a shared config file may hold it.
  ['check --tcp-established', 'check', {}],
  ['check --cpu-cap=ins,^cpu --manage-cgroups=full -J net:5', 'check', {}],
];

test('accepted command lines', () => {
  for (const [line, command, expected] of ACCEPTED) assert.deepEqual(settingsOf(command, line.split(' ')).engine, expected, line);
});

/** argv, command, error code, text that the report must hold. */
const REFUSED: readonly (readonly [string, Command, string, RegExp])[] = [
  ['dump --leave-runing', 'dump', 'CR_USAGE', /--leave-runing[^]*nearest option is --leave-running/],
  ['dump --tree-pid 4', 'dump', 'CR_USAGE', /unknown option --tree-pid[^]*nearest option is --/],
  ['dump --xyzzy-plugh', 'dump', 'CR_USAGE', /unknown option --xyzzy-plugh[^]*nearest option is --/],
  ['dump -q', 'dump', 'CR_USAGE', /unknown option -q[^]*--help lists all/],
  ['dump -m x', 'dump', 'CR_USAGE', /unknown option -m[^]*nearest option is -M \(--ext-mount-map\)/],
  // Mistakes in options that do nothing for the command.
  ['restore --network-lock x', 'restore', 'CR_USAGE', /"x" is no value/],
  ['check --empty-ns user', 'check', 'CR_USAGE', /"user" is no value/],
  ['check --cpu-cap=fpu,gpu', 'check', 'CR_USAGE', /"fpu,gpu" is no value/],
  ['check --inherit-fd fd[1]:x', 'check', 'CR_NOT_BUILT', /--inherit-fd/],
  ['dump --exec-cmd', 'dump', 'CR_NOT_BUILT', /--exec-cmd/],
  ['dump --mntns-compat-mode', 'dump', 'CR_NOT_BUILT', /--mntns-compat-mode/],
  ['dump --tr 4', 'dump', 'CR_USAGE', /ambiguous[^]*--tree, --track-mem/],
  ['dump --leave', 'dump', 'CR_USAGE', /ambiguous[^]*--leave-running, --leave-stopped/],
  ['dump -t', 'dump', 'CR_USAGE', /-t needs a value/],
  ['dump --tree', 'dump', 'CR_USAGE', /--tree needs a value/],
  ['dump -t 0', 'dump', 'CR_USAGE', /"0" is not a process id/],
  ['dump -t -5', 'dump', 'CR_USAGE', /"-5" is not a process id/],
  ['dump -t 99999999999999', 'dump', 'CR_USAGE', /is not a process id/],
  ['dump -t 12x', 'dump', 'CR_USAGE', /"12x" is not a process id/],
  ['dump --leave-running=1', 'dump', 'CR_USAGE', /--leave-running takes no value/],
  ['dump --no-shell-job=1', 'dump', 'CR_USAGE', /--no-shell-job takes no value/],
  ['dump --ghost-limit 1T', 'dump', 'CR_USAGE', /not a size/],
  ['dump --timeout x', 'dump', 'CR_USAGE', /not a number of seconds/],
  ['dump --file-validation sha', 'dump', 'CR_USAGE', /not one of filesize, buildid/],
  ['dump --tcp-established', 'dump', 'CR_NOT_BUILT', /--tcp-established/],
  ['dump --external mnt[]', 'dump', 'CR_NOT_BUILT', /--external/],
  ['dump --manage-cgroups', 'dump', 'CR_NOT_BUILT', /--manage-cgroups/],
  ['restore -r /', 'restore', 'CR_NOT_BUILT', /-r \(--root of CRIU\)/],
  ['restore --ms', 'restore', 'CR_USAGE', /--ms was removed/],
];

test('refused command lines', () => {
  for (const [line, command, code, text] of REFUSED) {
    const error = usageOf(command, line.split(' '));
    assert.equal(error.code, code, line);
    assert.match(error.report(), text, line);
    assert.equal(error.exitCode, 1, line);
  }
});

test('words and options in any order; -- ends the options', () => {
  const { words, rest, occurrences } = splitWords(['-D', 'x', 'dump', '-R', 'more', '--', '-t', '5']);
  assert.deepEqual(words, ['dump', 'more']);
  assert.deepEqual(rest, ['-t', '5']);
  assert.deepEqual(
    occurrences.map(({ row }) => row.long),
    ['images-dir', 'leave-running'],
  );
});

test('an optional value must be attached', () => {
  const { words, occurrences } = splitWords(['-v', '4', '--verbosity', '3']);
  assert.deepEqual(words, ['4', '3']);
  assert.deepEqual(
    occurrences.map(({ text }) => text),
    ['', ''],
  );
});

test('an option without effect on the command leaves a note', () => {
  const [occurrence] = splitWords(['--tree', '5']).occurrences;
  assert.ok(occurrence);
  assert.deepEqual(applyOccurrence(emptySettings(), occurrence, 'restore'), { text: '--tree has no effect on restore', warn: true });
  const inFile = { ...occurrence, typed: '/etc/criu/default.conf:1: tree' };
  assert.equal(applyOccurrence(emptySettings(), inFile, 'restore')?.warn, false);
});

test('our own options do not make a prefix of CRIU ambiguous', () => {
  // "--fo" fits --force-irmap (CRIU) and --format (ours).
  assert.equal(splitWords(['--fo']).occurrences[0]?.row.long, 'force-irmap');
  assert.equal(splitWords(['--form', 'json']).occurrences[0]?.row.long, 'format');
});

test('names and letters are unique, every built option has a help text', () => {
  const names = OPTION_ROWS.flatMap((row) => [row.long, ...(row.negatable ? [`no-${row.long}`] : [])]);
  assert.equal(new Set(names).size, names.length);
  const letters = OPTION_ROWS.flatMap((row) => row.short ?? []);
  assert.equal(new Set(letters).size, letters.length);
  assert.deepEqual(
    OPTION_ROWS.filter((row) => row.built && row.help === '').map((row) => row.long),
    [],
  );
});

test('the short letters of CRIU 4.2 are all here', () => {
  const letters = new Map(OPTION_ROWS.flatMap((row) => (row.short === undefined ? [] : [[row.short, row.arg] as const])));
  const expected = 'd S s R t: D: o: v:: x:: V r: j J: l W: L: M: h'.split(' ');
  const actual = [...letters].map(([letter, arg]) => letter + { none: '', required: ':', optional: '::' }[arg]);
  assert.deepEqual(actual.sort(), expected.sort());
});
