/** Probes of namespaces and mounts. */
import { readFileSync, readlinkSync } from 'node:fs';
import { readStat } from '../kernel/procfs/stat.js';
import { type Finding, type Lab, NS, judge, lacks, works } from './lab.js';
import {
  AT_FDCWD,
  O_CREAT,
  O_RDONLY,
  O_RDWR,
  asKnown,
  bindMount,
  makeDir,
  mapFileLow,
  open,
  privateTmp,
  readLink,
  readText,
} from './steps.js';

const PR_SET_MM = 35;
const PR_SET_MM_MAP_SIZE = 15;
const MS_SHARED = 0x100000;
const MOVE_MOUNT_SET_GROUP = 0x100;
/** Pages of mountinfo that are read; the probe's own mounts come last, but a host has some hundred mounts at most. */
const MOUNTINFO_PAGES = 32;

/** A process in a namespace of its own of this kind sees another one than ours. */
function ownNamespace(lab: Lab, kind: 'user' | 'cgroup' | 'time', flag: number): Finding {
  return lab.inProcess(`${kind}ns`, flag, (p) => {
    const link = readLink(p, `/proc/self/ns/${kind}`);
    if (kind === 'user') p.sys.prctl(PR_SET_MM, PR_SET_MM_MAP_SIZE, p.out(8), 0, 0).must('ask for the size of struct prctl_mm_map');
    const ours = readlinkSync(`/proc/self/ns/${kind}`);
    return () => judge(link() !== ours, `a process got its own ${kind} namespace`, `the process is still in ${ours}`);
  });
}

export const userNamespace = (lab: Lab): Finding => ownNamespace(lab, 'user', NS.user);
export const cgroupNamespace = (lab: Lab): Finding => ownNamespace(lab, 'cgroup', NS.cgroup);
export const timeNamespace = (lab: Lab): Finding => ownNamespace(lab, 'time', NS.time);

/** A process leaves its own network namespace for one that it was handed. */
export function externalNet(lab: Lab): Finding {
  return lab.inProcess('external_net_ns', NS.net, (p) => {
    const ours = open(p, `/proc/${process.pid}/ns/net`, O_RDONLY, 'open a network namespace');
    p.sys.setns(ours, NS.net).must('enter a network namespace that exists');
    const link = readLink(p, '/proc/self/ns/net');
    return () => judge(link() === readlinkSync('/proc/self/ns/net'), 'setns enters a given network namespace', `setns led to ${link()}`);
  });
}

/** An autofs mount must tell the inode of its pipe: without it nobody finds the daemon that serves it. */
export function autofs(lab: Lab): Finding {
  const group = readStat(lab.thread.proc, process.pid)?.pgrp ?? 0;
  return lab.inProcess('autofs', NS.mount, (p) => {
    privateTmp(p);
    makeDir(p, '/tmp/a');
    const pair = p.out(8);
    p.sys.pipe2(pair, 0).must('make a pipe');
    const options = `fd=${asKnown(p, pair.word32(4))},pgrp=${group},minproto=5,maxproto=5,direct`;
    p.sys.mount(p.cstr('criu-ts'), p.cstr('/tmp/a'), p.cstr('autofs'), 0, p.cstr(options)).must('mount an autofs');
    const text = readText(p, '/proc/self/mountinfo', MOUNTINFO_PAGES);
    return () =>
      judge(/ \/tmp\/a .* - autofs .*pipe_ino=\d/.test(text()), 'mountinfo shows the pipe of an autofs', 'mountinfo has no pipe_ino');
  });
}

/** A private mount joins the peer group of another mount of the same file system. */
export function mountGroup(lab: Lab): Finding {
  return lab.inProcess('move_mount_set_group', NS.mount, (p) => {
    privateTmp(p);
    for (const dir of ['/tmp/a', '/tmp/b']) {
      makeDir(p, dir);
      bindMount(p, '/tmp/a', dir);
    }
    p.sys.mount(0, p.cstr('/tmp/a'), 0, MS_SHARED, 0).must('share a mount');
    p.sys.move_mount(AT_FDCWD, p.cstr('/tmp/a'), AT_FDCWD, p.cstr('/tmp/b'), MOVE_MOUNT_SET_GROUP).must('put a mount into a peer group');
    const text = readText(p, '/proc/self/mountinfo', MOUNTINFO_PAGES);
    return () => {
      const groups = [...text().matchAll(/ \/tmp\/[ab] \S+ shared:(\d+)/g)].map(([, group]) => group);
      return judge(groups.length === 2 && groups[0] === groups[1], 'both mounts are peers', `peer groups ${groups.join(', ')}`);
    };
  });
}

/** /proc/PID/maps must name the same file as stat(2), also on overlayfs. */
export function overlayMaps(lab: Lab): Finding {
  return lab.inProcess('overlayfs_maps', NS.mount, (p) => {
    privateTmp(p);
    for (const dir of ['/tmp/l', '/tmp/u', '/tmp/w', '/tmp/m']) makeDir(p, dir);
    const options = p.cstr('lowerdir=/tmp/l,upperdir=/tmp/u,workdir=/tmp/w');
    p.sys.mount(p.cstr('criu-ts'), p.cstr('/tmp/m'), p.cstr('overlay'), 0, options).must('mount an overlay');
    const fd = open(p, '/tmp/m/file', O_CREAT | O_RDWR, 'make a file on the overlay');
    mapFileLow(p, fd);
    const stat = p.out(256);
    p.sys.fstat(fd, stat).must('stat the file');
    const maps = readText(p, '/proc/self/maps');
    return () => {
      const [, major = '', minor = '', inode = ''] = /^0*10000-\S+ \S+ \S+ ([0-9a-f]+):([0-9a-f]+) (\d+)/.exec(maps()) ?? [];
      const seen = `${parseInt(major, 16)}:${parseInt(minor, 16)} ${inode}`;
      const dev = stat.u64();
      const expected = `${(dev >> 8n) & 0xfffn}:${(dev & 0xffn) | ((dev >> 12n) & 0xfff00n)} ${stat.u64(8)}`;
      return judge(seen === expected, 'maps and stat name the same file', `maps says ${seen}, stat says ${expected}`);
    };
  });
}

const APPARMOR = '/sys/kernel/security/apparmor';

/** Text of a file, or undefined. */
function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    // Not there or not ours to read: both mean that the feature cannot be used.
    return undefined;
  }
}

/** Profiles of AppArmor can be stacked and its policy namespaces are visible. */
export function apparmorStacking(): Finding {
  const stack = textOf(`${APPARMOR}/features/domain/stack`);
  if (stack === undefined)
    return lacks(`${APPARMOR}/features/domain/stack cannot be read (AppArmor is not in this kernel, or securityfs is not mounted)`);
  const level = textOf(`${APPARMOR}/.ns_level`);
  if (stack !== 'yes' || level === undefined) return lacks(`AppArmor says stack "${stack}", namespace level "${level ?? 'unknown'}"`);
  return works(`AppArmor stacks, namespace level ${level}`);
}
