import assert from 'node:assert/strict';
import { test } from 'node:test';
import { errorOf, find, firstError, message, nested, u32 } from '../../../core/check/netlink.js';
import { check, featureNames } from '../../../core/check/run.js';
import { BASICS, FEATURES } from '../../../core/check/table.js';
import { checkText } from '../../../core/cli/check.js';
import type { CrError } from '../../../core/errors.js';

/** criu.md section 7. */
const NAMES =
  'mnt_id, mem_dirty_track, aio_remap, timerfd, tun, tun_ns, userns, fdinfo_lock, seccomp_suspend, seccomp_filters, loginuid, cgroupns, autofs, ' +
  'tcp_half_closed, compat_cr, uffd, uffd-noncoop, can_map_vdso, sk_ns, sk_unix_file, net_diag_raw, nsid, link_nsid, kcmp_epoll, timens, ' +
  'external_net_ns, clone3_set_tid, newifindex, nftables, has_ipt_legacy, pidfd_store, ns_pid, apparmor_stacking, network_lock_nftables, ' +
  'sockopt_buf_lock, memfd_hugetlb, move_mount_set_group, openat2, get_rseq_conf, ipv6_freebind, pagemap_scan, timer_cr_ids, overlayfs_maps, ' +
  'breakpoints, pagemap_scan_guard_pages';

test('the feature names are those of CRIU', () => {
  assert.deepEqual(featureNames(), NAMES.split(', '));
  assert.equal(featureNames().length, 45);
});

test('no name has two meanings, and every row says why it matters', () => {
  assert.deepEqual(
    Object.keys(BASICS).filter((name) => Object.hasOwn(FEATURES, name)),
    [],
  );
  for (const [name, { matters }] of [...Object.entries(BASICS), ...Object.entries(FEATURES)]) assert.ok(matters.length > 10, name);
});

test('an unknown feature names the nearest one', async () => {
  await assert.rejects(check({ feature: 'usrns' }), (error: CrError) => {
    assert.equal(error.code, 'CR_USAGE');
    assert.equal(error.message, 'Unknown feature usrns');
    assert.match(error.hint, /nearest one is userns/);
    return true;
  });
  await assert.rejects(check({ feature: 'constructor' }), /Unknown feature constructor/);
  await assert.rejects(check({ feature: '' }), /Unknown feature/);
});

test('the texts are those that scripts look for', () => {
  const feature = (name: string, supported: boolean) => ({ name, supported, detail: 'tried', matters: 'something' });
  assert.equal(checkText({ ok: true, features: [feature('tun', true)], fatal: [] }, 'tun'), 'tun is supported\n');
  assert.equal(
    checkText({ ok: false, features: [feature('tun', false)], fatal: [] }, 'tun'),
    'tun is not supported: tried\n  Without it: something\n',
  );
  assert.equal(checkText({ ok: true, features: [], fatal: [] }, undefined), 'Looks good.\n');
  assert.match(
    checkText({ ok: false, features: [feature('a', false)], fatal: [] }, undefined),
    /\nLooks good but some kernel features are missing\n/,
  );
  assert.match(checkText({ ok: false, features: [feature('a', false)], fatal: ['a'] }, undefined), /\nDoes not look good\.\n$/);
});

test('netlink: attributes are found, answers that lie about their length are cut', () => {
  const bytes = message(18, 0, Buffer.alloc(4), u32(1, 77), nested(2, u32(3, 5)));
  assert.equal(bytes.readUInt32LE(0), bytes.length);
  const body = bytes.subarray(16);
  assert.equal(find(body, 4, 1)?.readUInt32LE(0), 77);
  const inner = find(body, 4, 2);
  assert.ok(inner);
  assert.equal(find(inner, 0, 3)?.readUInt32LE(0), 5);
  assert.equal(find(body, 4, 9), undefined);
  const lying = Buffer.from(body);
  lying.writeUInt16LE(60000, 4);
  assert.equal(find(lying, 4, 2), undefined);
  lying.writeUInt16LE(0, 4);
  assert.equal(find(lying, 4, 2), undefined);
});

test('netlink: an error may also stand in the message that ends a list', () => {
  const code = Buffer.alloc(4);
  code.writeInt32LE(-2);
  assert.equal(errorOf({ type: 3, body: code }), 2);
  assert.equal(errorOf({ type: 2, body: Buffer.alloc(4) }), 0);
  assert.equal(errorOf({ type: 2, body: Buffer.alloc(2) }), undefined);
  assert.equal(
    firstError([
      { type: 16, body: code },
      { type: 2, body: Buffer.alloc(4) },
      { type: 3, body: code },
    ]),
    2,
  );
});
