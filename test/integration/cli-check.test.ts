import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { featureNames } from '../../core/check/run.js';
import type { SyscallName } from '../../core/abi/syscalls.js';
import { arch } from '../../core/arch/current.js';
import { criuTs, repository } from '../helpers/run-command.js';

const dir = mkdtempSync(join(tmpdir(), 'criu-ts-check-'));
after(() => rmSync(dir, { recursive: true }));
const deny = join(dir, 'deny');
const compiled = spawnSync('cc', ['-O1', '-Wall', '-o', deny, join(repository, 'test/fixtures/deny.c')], { encoding: 'utf8' });
assert.equal(compiled.status, 0, compiled.stderr);

test('plain check ends with 0 exactly when everything that is needed is there', () => {
  const done = criuTs(['check']);
  assert.equal(done.stdout.endsWith('Looks good.\n'), done.status === 0, done.stdout);
  assert.equal(done.stderr, '');
  if (done.status !== 0) assert.match(done.stdout, /is not supported: .*\n {2}Without it: .*\nDoes not look good\.\n$/s);
});

test('--feature list prints every name', () => {
  const done = criuTs(['check', '--feature', 'list']);
  assert.deepEqual(done.stdout.trimEnd().split('\n'), featureNames());
  assert.equal(done.status, 0);
});

test('an unknown feature is refused with the nearest name', () => {
  const done = criuTs(['check', '--feature', 'pagemap_scann']);
  assert.equal(done.status, 1);
  assert.equal(done.stdout, '');
  assert.match(
    done.stderr,
    /^CR_USAGE {2}Unknown feature pagemap_scann\n {2}target: not started\. {2}Try: The nearest one is pagemap_scan;/,
  );
});

test('every feature by name: 0 and "X is supported", or 1 and why it matters; --all agrees', () => {
  const all = criuTs(['check', '--all']);
  const missing = new Set([...all.stdout.matchAll(/^(\S+) is not supported: /gm)].map(([, name]) => name));
  assert.equal(all.status, missing.size > 0 ? 1 : 0);
  for (const name of featureNames()) {
    const done = criuTs(['check', '--feature', name]);
    if (done.status === 0) assert.equal(done.stdout, `${name} is supported\n`);
    else assert.match(done.stdout, new RegExp(`^${name} is not supported: .+\\n {2}Without it: .+\\n$`));
    if (missing.has(name)) assert.equal(done.status, 1, name);
  }
});

/** What the kernel was built with, where it tells: an independent witness. */
const CONFIG: Readonly<Record<string, string>> = {
  mem_dirty_track: 'MEM_SOFT_DIRTY',
  net_diag_raw: 'INET_RAW_DIAG',
  uffd: 'USERFAULTFD',
  timens: 'TIME_NS',
  userns: 'USER_NS',
  tun: 'TUN',
  nftables: 'NF_TABLES',
  memfd_hugetlb: 'HUGETLBFS',
  compat_cr: 'IA32_EMULATION',
  aio_remap: 'AIO',
};

test('the answers agree with the configuration of the kernel', (t) => {
  if (!existsSync('/proc/config.gz')) return t.skip('/proc/config.gz (CONFIG_IKCONFIG_PROC)');
  const text = gunzipSync(readFileSync('/proc/config.gz')).toString();
  for (const [feature, option] of Object.entries(CONFIG)) {
    const configured = new RegExp(`^CONFIG_${option}=[ym]$`, 'm').test(text);
    assert.equal(criuTs(['check', '--feature', feature]).status, configured ? 0 : 1, `${feature} and CONFIG_${option}`);
  }
});

/** System calls without which a feature must be reported as missing: a probe that only pretends would not notice. */
const NEEDS: Readonly<Record<string, readonly SyscallName[] | string>> = {
  aio_remap: ['io_setup'],
  timerfd: ['timerfd_create'],
  seccomp_filters: '101/0x420c',
  seccomp_suspend: '101/0x4200',
  get_rseq_conf: '101/0x420f',
  breakpoints: '101/6',
  uffd: ['userfaultfd'],
  'uffd-noncoop': ['userfaultfd'],
  can_map_vdso: '158/0x2003',
  compat_cr: '158/0x2002',
  kcmp_epoll: ['kcmp'],
  external_net_ns: ['setns'],
  pidfd_store: ['pidfd_getfd'],
  openat2: ['openat2'],
  pagemap_scan: '16:0xc0606610',
  timer_cr_ids: '157/77',
  move_mount_set_group: ['move_mount'],
  autofs: ['mount'],
  overlayfs_maps: ['mount'],
  tun: '16:0x400454ca',
  tun_ns: '16:0x894c',
  sk_ns: '16:0x894c',
  sk_unix_file: '16:0x89e0',
  fdinfo_lock: ['flock'],
  memfd_hugetlb: '319:4',
  sockopt_buf_lock: ['getsockopt'],
  ipv6_freebind: ['getsockopt'],
  tcp_half_closed: ['setsockopt'],
};

test('a kernel that lacks a call lacks the features that need it', (t) => {
  const probe = spawnSync(deny, ['999', '--', '/bin/true']);
  if (probe.status !== 0) return t.skip('seccomp filters (CONFIG_SECCOMP_FILTER)');
  for (const [feature, calls] of Object.entries(NEEDS)) {
    const denied = typeof calls === 'string' ? [calls] : calls.map((name) => String(arch.syscalls[name]));
    const done = criuTs(['check', '--feature', feature], { under: [deny, ...denied, '--'] });
    assert.equal(done.status, 1, `${feature} without ${denied.join(' ')}: ${done.stdout}${done.stderr}`);
    assert.match(done.stdout, new RegExp(`^${feature} is not supported: .*ENOSYS`), feature);
  }
});

test('without privileges it says what is missing and why it matters', () => {
  const done = criuTs(['check'], {
    under: ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups', '--inh-caps', '-all', '--'],
  });
  assert.equal(done.status, 1);
  assert.match(
    done.stdout,
    /^capabilities is not supported: CAP_SYS_PTRACE, CAP_SYS_ADMIN or CAP_CHECKPOINT_RESTORE, .*CAP_KILL missing: run as root\n {2}Without it: other processes/m,
  );
  assert.match(done.stdout, /\nDoes not look good\.\n$/);
  assert.doesNotMatch(done.stdout + done.stderr, /\n\s+at /);
});

test('a probe that may not make its namespaces names the capability, not only the call', () => {
  const done = criuTs(['check', '--feature', 'tcp_half_closed'], {
    under: ['setpriv', '--bounding-set', '-sys_admin', '--inh-caps', '-sys_admin', '--'],
  });
  assert.equal(done.status, 1);
  assert.match(done.stdout, /^tcp_half_closed is not supported: .*clone3.* = EPERM: .*CAP_SYS_ADMIN/);
});

test('check leaves nothing behind: no process, no mount', () => {
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8');
  const children = () => readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8');
  const before = children();
  criuTs(['check', '--all']);
  assert.equal(readFileSync('/proc/self/mountinfo', 'utf8'), mounts);
  assert.equal(children(), before);
});
