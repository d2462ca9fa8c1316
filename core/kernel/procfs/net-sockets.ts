/** Families of sockets by inode, from the tables of /proc/PID/net (proc_pid_net(5)): for telling a unix socket from others without touching it. */
import type { ProcReader } from './reader.js';

/** Column of the inode in each table, from 0 (net/unix/af_unix.c, unix_seq_show; net/ipv4/tcp_ipv4.c; net/netlink/af_netlink.c; net/packet/af_packet.c). */
const TABLES = [
  { file: 'unix', family: 'unix', column: 6 },
  { file: 'tcp', family: 'inet', column: 9 },
  { file: 'udp', family: 'inet', column: 9 },
  { file: 'tcp6', family: 'inet6', column: 9 },
  { file: 'udp6', family: 'inet6', column: 9 },
  { file: 'netlink', family: 'netlink', column: 9 },
  { file: 'packet', family: 'packet', column: 8 },
] as const;

/** 100,000 sockets are about 15 MiB. */
const LIMIT = 256 << 20;

export class SocketFamilies {
  private readonly known = new Map<string, string>();

  constructor(private readonly proc: ProcReader) {}

  /** Family of a socket of that process; null when no table has it. The tables are read again for every socket that is not known yet. */
  of({ pid, inode }: { readonly pid: number; readonly inode: bigint }): string | null {
    const key = String(inode);
    if (!this.known.has(key)) this.read(pid);
    return this.known.get(key) ?? null;
  }

  private read(pid: number): void {
    for (const { file, family, column } of TABLES) {
      const text = this.proc.read(`${pid}/net/${file}`, LIMIT);
      if (!text) continue;
      for (const line of Buffer.from(text.bytes).toString('latin1').split('\n').slice(1)) {
        const inode = line.trim().split(/\s+/)[column];
        if (inode !== undefined) this.known.set(inode, family);
      }
    }
  }
}
