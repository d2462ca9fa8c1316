/** Credentials as images have them: made from /proc/TID/status, and checked before they are given to anybody. No system calls here. */
import type { CredsEntry } from '../images/generated/core.js';
import type { Status } from '../kernel/procfs/status.js';
import { capabilityNames, fromWords, toWords } from './capabilities.js';

/** Six bits and their locks (SECURE_ALL_BITS | SECURE_ALL_LOCKS, linux/securebits.h; the last two pairs since Linux 6.14). */
const SECBITS_KNOWN = 0xfff;
const INVALID_ID = 0xffff_ffff;
/** NGROUPS_MAX, linux/limits.h. */
const GROUPS_MAX = 65_536;

/** Status of every thread right after the freeze, as CRIU writes it. */
export function credsEntry(status: Status): CredsEntry {
  const [uid, euid, suid, fsuid] = status.uids;
  const [gid, egid, sgid, fsgid] = status.gids;
  const { caps } = status;
  const entry: CredsEntry = {
    ...{ uid, gid, euid, egid, suid, sgid, fsuid, fsgid },
    cap_inh: toWords(caps.inheritable),
    cap_prm: toWords(caps.permitted),
    cap_eff: toWords(caps.effective),
    cap_bnd: toWords(caps.bounding),
    secbits: 0,
    groups: [...status.groups],
    cap_amb: toWords(caps.ambient),
  };
  // CRIU leaves the field out when it is off.
  if (status.noNewPrivs) entry.no_new_privs = 1;
  return entry;
}

/** The lines of a status text that credsEntry looks at. Threads nearly always have the same, and to parse 5,000 of them takes a quarter of a second. */
export function credsLines(status: Buffer): string {
  const ids = status.indexOf('\nUid:');
  const groups = status.indexOf('\nGroups:', ids);
  const caps = status.indexOf('\nCapInh:', groups);
  const end = status.indexOf('\nSeccomp:', caps);
  const lines = [
    [ids, status.indexOf('\nFDSize:', ids)],
    [groups, status.indexOf('\n', groups + 1)],
    [caps, end < 0 ? status.length : end],
  ] as const;
  // A text without one of them is another every time.
  return lines.some(([from, to]) => from < 0 || to < 0)
    ? status.toString('latin1')
    : lines.map(([from, to]) => status.toString('latin1', from, to)).join('');
}

/** The five sets, checked. Null when an image has capabilities that no kernel has. */
interface CapabilitySets {
  readonly inheritable: bigint;
  readonly permitted: bigint;
  readonly effective: bigint;
  readonly bounding: bigint;
  readonly ambient: bigint;
}

export function capabilitySets(creds: CredsEntry): CapabilitySets | null {
  const known = setsOfFrozen.get(creds);
  if (known !== undefined) return known;
  const sets = readSets(creds);
  if (Object.isFrozen(creds)) setsOfFrozen.set(creds, sets);
  return sets;
}

/** Of entries that never change: all threads with the same credentials have one (images/shared-parts.ts). */
const setsOfFrozen = new WeakMap<CredsEntry, CapabilitySets | null>();

function readSets(creds: CredsEntry): CapabilitySets | null {
  const sets = [creds.cap_inh, creds.cap_prm, creds.cap_eff, creds.cap_bnd, creds.cap_amb].map(fromWords);
  const [inheritable, permitted, effective, bounding, ambient] = sets;
  if (sets.includes(null)) return null;
  return { inheritable: inheritable!, permitted: permitted!, effective: effective!, bounding: bounding!, ambient: ambient! };
}

/** Why these credentials cannot be given, by the rules of capset(2) and prctl(2). `own` are the capabilities that every seed starts with. */
export function credsProblems(creds: CredsEntry, own: Status['caps']): string[] {
  const out: string[] = [];
  const sets = capabilitySets(creds);
  if (!sets) return ['has capabilities that no kernel knows: the image is damaged'];
  const { inheritable, permitted, effective, ambient } = sets;
  if ((effective & ~permitted) !== 0n || (ambient & ~(permitted & inheritable)) !== 0n)
    out.push('has effective or ambient capabilities that are not permitted: the image is damaged');
  const ids = [creds.uid, creds.euid, creds.suid, creds.fsuid, creds.gid, creds.egid, creds.sgid, creds.fsgid, ...creds.groups];
  // (uid_t)-1 tells setresuid(2) to leave an id alone.
  if (ids.includes(INVALID_ID)) out.push('has the invalid user or group id 4294967295: the image is damaged');
  const lack = permitted & ~own.permitted;
  if (lack !== 0n) out.push(`has ${capabilityNames(lack)}, which criu-ts itself lacks: start criu-ts with these capabilities`);
  const foreign = inheritable & ~(own.inheritable | own.bounding);
  if (foreign !== 0n)
    out.push(
      `can inherit ${capabilityNames(foreign)}, which is outside the bounding set of criu-ts: start criu-ts with these capabilities`,
    );
  if ((creds.secbits & ~SECBITS_KNOWN) !== 0)
    out.push(`has unknown securebits 0x${creds.secbits.toString(16)}: the kernel or the image is too new`);
  if (creds.groups.length > GROUPS_MAX) out.push(`has ${creds.groups.length} groups; a process can have ${GROUPS_MAX}`);
  const profile = creds.lsm_profile ?? '';
  if (profile !== '' && profile !== 'unconfined')
    out.push(`was confined by the security profile "${profile}"; restoring these is not built yet`);
  return out;
}
