/** Sets of capabilities: bit N is capability N (capabilities(7)). Images have them as 32-bit words, the lowest first. */

/** include/uapi/linux/capability.h, by number. */
export const CAPABILITY_NAMES = [
  'CHOWN',
  'DAC_OVERRIDE',
  'DAC_READ_SEARCH',
  'FOWNER',
  'FSETID',
  'KILL',
  'SETGID',
  'SETUID',
  'SETPCAP',
  'LINUX_IMMUTABLE',
  'NET_BIND_SERVICE',
  'NET_BROADCAST',
  'NET_ADMIN',
  'NET_RAW',
  'IPC_LOCK',
  'IPC_OWNER',
  'SYS_MODULE',
  'SYS_RAWIO',
  'SYS_CHROOT',
  'SYS_PTRACE',
  'SYS_PACCT',
  'SYS_ADMIN',
  'SYS_BOOT',
  'SYS_NICE',
  'SYS_RESOURCE',
  'SYS_TIME',
  'SYS_TTY_CONFIG',
  'MKNOD',
  'LEASE',
  'AUDIT_WRITE',
  'AUDIT_CONTROL',
  'SETFCAP',
  'MAC_OVERRIDE',
  'MAC_ADMIN',
  'SYSLOG',
  'WAKE_ALARM',
  'BLOCK_SUSPEND',
  'AUDIT_READ',
  'PERFMON',
  'BPF',
  'CHECKPOINT_RESTORE',
] as const;

export type CapabilityName = (typeof CAPABILITY_NAMES)[number];

/** struct __user_cap_data_struct has two words a set (_LINUX_CAPABILITY_U32S_3). */
export const CAPABILITY_WORDS = 2;
const WORD_BITS = 32;
const WORD_MASK = 0xffff_ffffn;

export function hasCapability(set: bigint, name: CapabilityName): boolean {
  return (set & (1n << BigInt(CAPABILITY_NAMES.indexOf(name)))) !== 0n;
}

/** Numbers of the capabilities in a set, ascending. */
export function capabilityNumbers(set: bigint): number[] {
  const out: number[] = [];
  for (let n = 0, left = set; left !== 0n && n < WORD_BITS * CAPABILITY_WORDS; n++, left >>= 1n) if ((left & 1n) !== 0n) out.push(n);
  return out;
}

/** `CAP_CHOWN, CAP_KILL`; numbers that have no name here stand as they are. */
export function capabilityNames(set: bigint): string {
  return capabilityNumbers(set)
    .map((n) => `CAP_${CAPABILITY_NAMES[n] ?? n}`)
    .join(', ');
}

export function toWords(set: bigint): number[] {
  return [Number(set & WORD_MASK), Number((set >> BigInt(WORD_BITS)) & WORD_MASK)];
}

/** Words beyond the second are of a kernel that does not exist yet: null. */
export function fromWords(words: readonly number[]): bigint | null {
  if (words.slice(CAPABILITY_WORDS).some((word) => word !== 0)) return null;
  return words.slice(0, CAPABILITY_WORDS).reduce((set, word, i) => set | (BigInt(word) << BigInt(WORD_BITS * i)), 0n);
}
