// Runs the test suites and says at the end what passed, failed and was skipped (and why).
//   node config/test.mjs [--suite unit|integration|plugins|interop] [name parts ...]
// A file runs when its path holds one of the name parts; none means all. Exit status 0 only when something ran and nothing failed.
import { readFileSync } from 'node:fs';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { spawnSync } from 'node:child_process';
import { join, relative } from 'node:path';
import { allExist, filesUnder } from './lib/tree.mjs';

const root = new URL('..', import.meta.url).pathname.replace(/\/$/, '');

/** Unit tests are pure; the others freeze processes, claim pids and measure, so they run one file at a time. */
const SUITES = { unit: 2, integration: 1, plugins: 1, interop: 1 };

/** Long enough for the slowest file on 2 cores, short enough that a hang is a failure and not a stuck CI. */
const FILE_TIMEOUT_MS = 10 * 60_000;

function parseArguments(words) {
  const wanted = { suites: Object.keys(SUITES), parts: [] };
  for (let i = 0; i < words.length; i++) {
    if (words[i] !== '--suite') wanted.parts.push(words[i]);
    else wanted.suites = (words[++i] ?? '').split(',');
  }
  const unknown = wanted.suites.find((suite) => !(suite in SUITES));
  if (unknown === undefined) return wanted;
  console.error(`unknown suite "${unknown}"; there are ${Object.keys(SUITES).join(', ')}`);
  return process.exit(1);
}

/** Compiled files of a suite. The list comes from the sources: a compiled test whose source was deleted must not run. */
function filesOf(suite, parts) {
  const sources = filesUnder(join(root, 'test', suite), (path) => path.endsWith('.test.ts')).map((path) => relative(root, path));
  return sources
    .filter((path) => parts.length === 0 || parts.some((part) => path.includes(part)))
    .map((path) => join(root, 'dist', path.replace(/\.ts$/, '.js')));
}

/** What a failed test said, short enough for the end of a log. */
const FAILURE_LINES = 40;

/** Tests that were begun and did not end: the ones to look at when a file ran out of time. Innermost last. */
function watchUnfinished(stream) {
  const begun = new Map();
  const of = (event) => begun.get(event.file) ?? begun.set(event.file, []).get(event.file);
  stream.on('test:dequeue', (event) => of(event).push(event.name));
  stream.on('test:complete', (event) => {
    const names = of(event);
    const at = names.lastIndexOf(event.name);
    if (at >= 0) names.splice(at, 1);
  });
  return (file) => (begun.get(file) ?? []).filter((name) => name !== file);
}

function failureText(event, unfinished) {
  const error = event.details?.error;
  const said = String(error?.cause?.message ?? error?.message ?? '').split('\n');
  const pending = error?.failureType === 'testTimeoutFailure' ? unfinished(event.file ?? event.name) : [];
  const hanging = pending.length > 0 ? [`had not ended: ${pending.join(' > ')}`] : [];
  return [...hanging, ...said.slice(0, FAILURE_LINES)].map((line) => `      ${line}`).join('\n');
}

function runSuite(suite, files, totals) {
  return new Promise((resolve) => {
    const stream = run({ files, concurrency: SUITES[suite], timeout: FILE_TIMEOUT_MS });
    const unfinished = watchUnfinished(stream);
    stream.on('test:pass', (event) => {
      // A suite repeats what is in it; one that is skipped as a whole reports nothing else.
      if (event.details?.type === 'suite' && event.skip === undefined) return;
      if (event.skip !== undefined)
        totals.skips.push({ name: event.name, file: event.file, reason: event.skip === true ? '' : event.skip });
      else totals.passed++;
    });
    stream.on('test:fail', (event) => {
      // A failed suite or file only repeats the failure of what is in it, except when the file itself broke.
      const own = event.details?.error?.failureType !== 'subtestsFailed';
      if (own) totals.failures.push(`${relative(root, event.file ?? suite)}: ${event.name}\n${failureText(event, unfinished)}`);
    });
    const printed = stream.compose(spec);
    printed.on('end', resolve);
    printed.pipe(process.stdout, { end: false });
  });
}

/** The interop tests run the real CRIU: without it they would be skipped in silence, so a peer that cannot be had is a failure. */
function unpackPeers(totals) {
  const script = join(root, 'config/peers.mjs');
  if (!allExist([script])) return;
  const done = spawnSync(process.execPath, [script], { cwd: root, stdio: 'inherit' });
  if (done.status !== 0) totals.failures.push('config/peers.mjs: the real CRIU could not be unpacked');
}

function report(totals) {
  const byReason = new Map();
  for (const skip of totals.skips) byReason.set(skip.reason, [...(byReason.get(skip.reason) ?? []), skip.name]);
  if (byReason.size > 0) {
    console.log('\nSkipped, by reason:');
    for (const [reason, names] of byReason)
      console.log(`  ${String(names.length).padStart(4)}  ${reason === '' ? '(NO REASON GIVEN)' : reason}`);
  }
  const nameless = totals.skips.filter((skip) => skip.reason === '');
  for (const skip of nameless) totals.failures.push(`${skip.name}: skipped without naming the missing feature`);
  if (totals.failures.length > 0) {
    console.log('\nFailed:');
    for (const failure of totals.failures) console.log(`  ${failure}`);
  }
  console.log(`\n${totals.passed} passed, ${totals.failures.length} failed, ${totals.skips.length - nameless.length} skipped`);
}

const { suites, parts } = parseArguments(process.argv.slice(2));
const totals = { passed: 0, skips: [], failures: [] };
for (const suite of suites) {
  const files = filesOf(suite, parts);
  if (files.length === 0) continue;
  const absent = files.filter((file) => !allExist([file]));
  for (const file of absent) totals.failures.push(`${relative(root, file)}: not compiled`);
  console.log(`\n== ${suite}: ${files.length} files`);
  if (suite === 'interop') unpackPeers(totals);
  await runSuite(
    suite,
    files.filter((file) => !absent.includes(file)),
    totals,
  );
}
report(totals);
process.exitCode = totals.failures.length > 0 || totals.passed === 0 ? 1 : 0;
