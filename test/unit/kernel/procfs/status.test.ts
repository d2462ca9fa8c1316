import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseStatus, sharedPendingOf } from '../../../../core/kernel/procfs/status.js';
import { assertRefused, changed, fixture } from './helper.js';

test('captured status', () => {
  const status = parseStatus(fixture('status.txt'));
  assert.equal(status.name, ') R 1 (\n\\x');
  assert.equal(status.umask, 0o22);
  assert.equal(status.state, 'R');
  assert.equal(status.pid, status.tgid);
  assert.equal(status.tracerPid, 0);
  assert.deepEqual(status.uids, [0, 0, 0, 0]);
  assert.deepEqual(status.groups, []);
  assert.deepEqual(status.nsPid, [status.pid]);
  assert.equal(status.kthread, false);
  assert.equal(status.threads, 1);
  assert.equal(status.signals.queueLimit, 96365n);
  assert.equal(status.signals.ignored, 0x1001000n);
  assert.equal(status.caps.permitted, 0x1fffeffffffn);
  assert.equal(status.noNewPrivs, false);
  assert.equal(status.thpEnabled, true);
  assert.equal(status.speculationStoreBypass, 'vulnerable');
  assert.equal(status.vm?.stack, 196 * 1024);
  assert.equal(status.vm.locked, 8192);
});

test('values that the captured text does not have', () => {
  const text = changed('status.txt', (all) =>
    all
      .replace(/Uid:.*/, 'Uid:\t1\t2\t3\t4294967295')
      .replace(/Groups:.*/, 'Groups:\t4 24 4294967294 ')
      .replace(/NSpid:.*/, 'NSpid:\t70\t7\t1')
      .replace(/NSsid:.*/, 'NSsid:\t0\t0')
      .replace(/ShdPnd:.*/, 'ShdPnd:\tffffffffffffffff')
      .replace(/NoNewPrivs:.*/, 'NoNewPrivs:\t1')
      .replace(/Seccomp:.*/, 'Seccomp:\t2')
      .replace(/Threads:/, 'x86_Thread_features:\tshstk wrss \nx86_Thread_features_locked:\t\nThreads:'),
  );
  const status = parseStatus(text);
  assert.deepEqual(status.uids, [1, 2, 3, 4294967295]);
  assert.deepEqual(status.groups, [4, 24, 4294967294]);
  assert.deepEqual(status.nsPid, [70, 7, 1]);
  assert.deepEqual(status.nsSid, [0, 0]);
  assert.equal(status.signals.sharedPending, 2n ** 64n - 1n);
  assert.equal(status.noNewPrivs, true);
  assert.equal(status.seccomp, 2);
  assert.deepEqual(status.x86ThreadFeatures, ['shstk', 'wrss']);
  assert.deepEqual(status.x86ThreadFeaturesLocked, []);
});

test('pending signals of the process alone', () => {
  const text = changed('status.txt', (all) => all.replace(/ShdPnd:.*/, 'ShdPnd:\t8000000000000001'));
  assert.equal(sharedPendingOf(text), 0x8000000000000001n);
  assert.equal(sharedPendingOf(text), parseStatus(text).signals.sharedPending);
  assertRefused(() => sharedPendingOf(changed('status.txt', (all) => all.replace(/ShdPnd:.*\n/, ''))), /ShdPnd/);
});

test('a zombie has no memory and no umask; old kernels lack newer lines', () => {
  const status = parseStatus(changed('status.txt', (all) => all.replace(/^(Vm|Rss|Umask|NS|Kthread|THP|Seccomp_f|Spec).*\n/gm, '')));
  assert.equal(status.vm, null);
  assert.equal(status.umask, null);
  assert.equal(status.kthread, null);
  assert.equal(status.seccompFilters, null);
  assert.deepEqual(status.nsPid, []);
});

test('names: blanks, tabs, colons and text that looks like other lines', () => {
  for (const [escaped, name] of [
    ['', ''],
    ['  x', '  x'],
    ['\t:\tx ', '\t:\tx '],
    ['a\\nPid:\\t1', 'a\nPid:\\t1'],
    ['\\\\n', '\\n'],
    ['\\x', '\\x'],
  ] as const) {
    assert.equal(parseStatus(changed('status.txt', (all) => all.replace(/Name:.*/, () => `Name:\t${escaped}`))).name, name);
  }
});

test('unknown lines and lines without colon are ignored', () => {
  const status = parseStatus(changed('status.txt', (all) => all.replace('Tgid:', 'Brand New: 1\nno colon\n\nTgid:')));
  assert.equal(status.threads, 1);
});

test('a missing or damaged line is refused by name', () => {
  for (const key of ['Tgid', 'PPid', 'Uid', 'Groups', 'Threads', 'SigQ', 'SigCgt', 'CapAmb', 'NoNewPrivs']) {
    assertRefused(() => parseStatus(changed('status.txt', (all) => all.replace(new RegExp(`^${key}:.*\\n`, 'm'), ''))), new RegExp(key));
  }
  assertRefused(() => parseStatus(changed('status.txt', (all) => all.slice(0, -1))), /newline/);
  assertRefused(() => parseStatus(changed('status.txt', (all) => all.replace(/Gid:.*/, 'Gid:\t1\t2'))), /user or group id/);
  assertRefused(
    () => parseStatus(changed('status.txt', (all) => all.replace(/CapEff:.*/, 'CapEff:\t10000000000000000'))),
    /capability set/,
  );
  assertRefused(() => parseStatus(changed('status.txt', (all) => all.replace(/\nPid:.*/, '\nPid:\t4194305'))), /a pid/);
});
