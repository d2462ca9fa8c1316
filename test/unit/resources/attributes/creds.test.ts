import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CredsEntry } from '../../../../core/images/generated/core.js';
import { parseStatus } from '../../../../core/kernel/procfs/status.js';
import { capabilitySets, credsEntry, credsLines, credsProblems } from '../../../../core/resources/creds-entry.js';

const STATUS = `Name:	worker
Umask:	0022
State:	S (sleeping)
Tgid:	70
Ngid:	0
Pid:	71
PPid:	1
TracerPid:	0
Uid:	1	2	3	4
Gid:	5	6	7	8
FDSize:	64
Groups:	9 10 4000000000
Threads:	2
SigQ:	0/96365
SigPnd:	0000000000000000
ShdPnd:	0000000000000000
SigBlk:	0000000000000000
SigIgn:	0000000000000000
SigCgt:	0000000000000000
CapInh:	0000000000000400
CapPrm:	0000010000000401
CapEff:	0000000000000001
CapBnd:	000001fffeffffff
CapAmb:	0000000000000400
NoNewPrivs:	1
Seccomp:	0
`;

const OWN = { inheritable: 0n, permitted: 0x1fffeffffffn, effective: 0x1fffeffffffn, bounding: 0x1fffeffffffn, ambient: 0n };

function entry(change: Partial<CredsEntry> = {}): CredsEntry {
  return { ...credsEntry(parseStatus({ bytes: Buffer.from(STATUS), path: 'status' })), ...change };
}

test('real, effective, saved and file system ids do not get mixed up', () => {
  const creds = entry();
  assert.deepEqual([creds.uid, creds.euid, creds.suid, creds.fsuid], [1, 2, 3, 4]);
  assert.deepEqual([creds.gid, creds.egid, creds.sgid, creds.fsgid], [5, 6, 7, 8]);
  assert.deepEqual(creds.groups, [9, 10, 4_000_000_000]);
  assert.deepEqual(creds.cap_inh, [0x400, 0]);
  assert.deepEqual(creds.cap_prm, [0x401, 0x100]);
  assert.deepEqual(creds.cap_eff, [1, 0]);
  assert.deepEqual(creds.cap_bnd, [0xfeffffff, 0x1ff]);
  assert.deepEqual(creds.cap_amb, [0x400, 0]);
  assert.equal(creds.no_new_privs, 1);
});

test('no_new_privs is left out when it is off, as CRIU does', () => {
  const off = parseStatus({ bytes: Buffer.from(STATUS.replace('NoNewPrivs:\t1', 'NoNewPrivs:\t0')), path: 'status' });
  assert.ok(!('no_new_privs' in credsEntry(off)));
});

test('credentials that can be given have no problems', () => {
  assert.deepEqual(credsProblems(entry(), OWN), []);
  assert.deepEqual(credsProblems(entry({ lsm_profile: 'unconfined' }), OWN), []);
});

test('a capability that we lack is named', () => {
  const [line, ...rest] = credsProblems(entry({ cap_prm: [0x01000401, 0x100] }), OWN);
  assert.match(line ?? '', /^has CAP_SYS_RESOURCE, which criu-ts itself lacks/);
  assert.deepEqual(rest, []);
  assert.match(credsProblems(entry({ cap_inh: [0x01000400, 0] }), OWN)[0] ?? '', /inherit CAP_SYS_RESOURCE/);
});

test('what no kernel gives is refused', () => {
  const bad: Partial<CredsEntry>[] = [
    { cap_eff: [2, 0] },
    { cap_amb: [0x401, 0] },
    { cap_bnd: [0, 0, 1] },
    { secbits: 0x1000 },
    { uid: 0xffff_ffff },
    { groups: [0xffff_ffff] },
    { groups: Array.from({ length: 65_537 }, () => 1) },
    { lsm_profile: 'docker-default' },
  ];
  for (const change of bad) assert.equal(credsProblems(entry(change), OWN).length, 1, JSON.stringify(change).slice(0, 80));
});

test('sets of an image that lacks them are empty', () => {
  const none = capabilitySets(entry({ cap_inh: [], cap_prm: [], cap_eff: [], cap_bnd: [], cap_amb: [] }));
  assert.deepEqual(none, { inheritable: 0n, permitted: 0n, effective: 0n, bounding: 0n, ambient: 0n });
});

test('the lines that make the difference, and only those', () => {
  const text = STATUS.replace('Seccomp:\t0\n', 'Seccomp:\t0\nSeccomp_filters:\t0\n');
  const lines = credsLines(Buffer.from(text));
  for (const other of ['Uid:\t2', 'Gid:\t2', 'Groups:\t8', 'CapAmb:\t00000000000007ff', 'CapBnd:\t1', 'NoNewPrivs:\t0'])
    assert.notEqual(credsLines(Buffer.from(text.replace(new RegExp(`${other.split(':')[0]}:.*`), other))), lines, other);
  for (const other of ['Name:\tUid:', 'Pid:\t72', 'SigBlk:\tffffffffffffffff', 'Seccomp_filters:\t2'])
    assert.equal(credsLines(Buffer.from(text.replace(new RegExp(`${other.split(':')[0]}:.*`), other))), lines, other);
});

test('a text without these lines is not taken for another', () => {
  assert.notEqual(credsLines(Buffer.from('Name:\ta\n')), credsLines(Buffer.from('Name:\tb\n')));
});
