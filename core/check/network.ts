/** Probes of networking through netlink; all in network namespaces of their own. */
import { accessSync, constants, realpathSync } from 'node:fs';
import { basename, join } from 'node:path';
import { errnoName } from '../abi/errno.js';
import { type Finding, type Lab, NS, judge, lacks, works } from './lab.js';
import { FAMILY, FLAG, type Message, Netlink, attribute, be32, errorOf, find, firstError, message, nested, text, u32 } from './netlink.js';

const AF_INET = 2;
const AF_INET6 = 10;
const AF_UNIX = 1;
const IPPROTO_TCP = 6;
const IPPROTO_UDP = 17;
const IPPROTO_RAW = 255;
const SOCK_DIAG_BY_FAMILY = 20;
const RTM_NEWLINK = 16;
const RTM_GETLINK = 18;
const RTM_SETLINK = 19;
const RTM_NEWNSID = 88;
const RTM_GETNSID = 90;
const NETNSA = { nsid: 1, pid: 2 } as const;
const IFLA = { targetNsid: 46, newIfindex: 49 } as const;
const IFINFO_SIZE = 16;
const RTGEN_SIZE = 4;
const LOOPBACK = 1;
const WANTED_NSID = 5;
const ERANGE = 34;

const errorText = (messages: readonly Message[]): string => {
  const errno = firstError(messages);
  return errno === 0 ? 'no answer' : errnoName(errno);
};

/** struct inet_diag_req_v2: every state, no particular socket. */
function inetRequest(family: number, protocol: number): Buffer {
  const out = Buffer.alloc(56);
  out.set([family, protocol]);
  out.writeUInt32LE(0xffffffff, 4);
  return out;
}

function unixRequest(): Buffer {
  const out = Buffer.alloc(24);
  out.set([AF_UNIX]);
  out.writeUInt32LE(0xffffffff, 4);
  return out;
}

/** sock_diag must answer (with an empty list) for each kind. */
function socketLists(lab: Lab, name: string, requests: Readonly<Record<string, Buffer>>): Finding {
  return lab.inProcess(name, NS.net, (p) => {
    const answers = Object.entries(requests).map(([kind, request]) => {
      const socket = new Netlink(p, FAMILY.sockDiag);
      return { kind, messages: socket.ask(message(SOCK_DIAG_BY_FAMILY, FLAG.dump, request), 1) };
    });
    return () => {
      const bad = answers.filter(({ messages }) => messages().length === 0 || firstError(messages()) !== 0);
      const list = bad.map(({ kind, messages }) => `${kind} (${errorText(messages())})`).join(', ');
      return judge(bad.length === 0, `sockets are listed: ${Object.keys(requests).join(', ')}`, `sockets are not listed: ${list}`);
    };
  });
}

export function socketDiag(lab: Lab): Finding {
  return socketLists(lab, 'sock_diag', {
    unix: unixRequest(),
    tcp: inetRequest(AF_INET, IPPROTO_TCP),
    tcp6: inetRequest(AF_INET6, IPPROTO_TCP),
    udp: inetRequest(AF_INET, IPPROTO_UDP),
  });
}

export function rawDiag(lab: Lab): Finding {
  return socketLists(lab, 'net_diag_raw', { raw: inetRequest(AF_INET, IPPROTO_RAW), raw6: inetRequest(AF_INET6, IPPROTO_RAW) });
}

const rtgen = Buffer.alloc(RTGEN_SIZE);

function ifinfo(index: number): Buffer {
  const out = Buffer.alloc(IFINFO_SIZE);
  out.writeInt32LE(index, 4);
  return out;
}

/** Gives our own network namespace a number in the probe's. */
function numberOurs(socket: Netlink): () => Message[] {
  return socket.ask(message(RTM_NEWNSID, FLAG.ack, rtgen, u32(NETNSA.nsid, WANTED_NSID), u32(NETNSA.pid, process.pid)), 1);
}

export function netnsId(lab: Lab): Finding {
  return lab.inProcess('nsid', NS.net, (p) => {
    const socket = new Netlink(p, FAMILY.route);
    const made = numberOurs(socket);
    const asked = socket.ask(message(RTM_GETNSID, 0, rtgen, u32(NETNSA.pid, process.pid)), 1);
    return () => {
      const errno = firstError([...made(), ...asked()]);
      if (errno !== 0) return lacks(`numbering a network namespace failed: ${errnoName(errno)}`);
      const id = asked().map(({ type, body }) => (type === RTM_NEWNSID ? find(body, RTGEN_SIZE, NETNSA.nsid) : undefined))[0];
      return judge(
        id?.readInt32LE(0) === WANTED_NSID,
        'a network namespace can be numbered',
        'the number of a network namespace is not told',
      );
    };
  });
}

export function linkNsid(lab: Lab): Finding {
  return lab.inProcess('link_nsid', NS.net, (p) => {
    const socket = new Netlink(p, FAMILY.route);
    const made = numberOurs(socket);
    const asked = socket.ask(message(RTM_GETLINK, 0, ifinfo(LOOPBACK), u32(IFLA.targetNsid, WANTED_NSID)), 1);
    return () => {
      const errno = firstError([...made(), ...asked()]);
      if (errno !== 0) return lacks(`asking for a link of another namespace failed: ${errnoName(errno)}`);
      // A kernel that does not know the attribute answers with its own link and without it.
      const found = asked().find(({ type }) => type === RTM_NEWLINK);
      const known = found !== undefined && find(found.body, IFINFO_SIZE, IFLA.targetNsid) !== undefined;
      return judge(known, 'links of numbered namespaces are told', 'the namespace in the question is ignored');
    };
  });
}

/** A kernel that knows the attribute refuses one that is too short; others skip what they do not know. Works without any link to move. */
export function newIfindex(lab: Lab): Finding {
  return lab.inProcess('newifindex', NS.net, (p) => {
    const tooShort = attribute(IFLA.newIfindex, Buffer.from([1]));
    const answer = new Netlink(p, FAMILY.route).ask(message(RTM_SETLINK, FLAG.ack, ifinfo(LOOPBACK), tooShort), 1);
    return () => {
      const errno = answer().map(errorOf)[0];
      return judge(
        errno === ERANGE,
        'IFLA_NEW_IFINDEX is checked',
        `IFLA_NEW_IFINDEX is skipped (${errno === undefined ? 'no answer' : errno === 0 ? 'success' : errnoName(errno)})`,
      );
    };
  });
}

const SUBSYSTEM = 10 << 8;
const NFT = { newTable: SUBSYSTEM, newSet: SUBSYSTEM | 9, newGeneration: SUBSYSTEM | 15, getGeneration: SUBSYSTEM | 16 } as const;
const BATCH_BEGIN = 16;
const BATCH_END = 17;
const NFPROTO_INET = 1;
const NFT_SET_CONCAT = 0x80;
const SET = { table: 1, name: 2, flags: 3, keyType: 4, keyLength: 5, description: 9, id: 10 } as const;
const DESCRIPTION_CONCAT = 2;
const ELEMENT = 1;
const FIELD_LENGTH = 1;

const nfgen = (family: number, resource = 0): Buffer => Buffer.from([family, 0, resource >> 8, resource & 0xff]);

export function nftables(lab: Lab): Finding {
  return lab.inProcess('nftables', NS.net, (p) => {
    const answer = new Netlink(p, FAMILY.netfilter).ask(message(NFT.getGeneration, 0, nfgen(0)), 1);
    return () =>
      judge(
        answer().some(({ type }) => type === NFT.newGeneration),
        'nf_tables answers',
        `nf_tables does not answer: ${errorText(answer())}`,
      );
  });
}

/** A set of address and port together, as the network lock needs it. */
export function nftablesConcat(lab: Lab): Finding {
  return lab.inProcess('network_lock_nftables', NS.net, (p) => {
    const field = (bytes: number): Buffer => nested(ELEMENT, be32(FIELD_LENGTH, bytes));
    const set = [
      text(SET.table, 'check'),
      text(SET.name, 'connections'),
      be32(SET.flags, NFT_SET_CONCAT),
      be32(SET.keyType, 0),
      be32(SET.keyLength, 8),
      nested(SET.description, nested(DESCRIPTION_CONCAT, field(4), field(2))),
      be32(SET.id, 1),
    ];
    const batch = Buffer.concat([
      message(BATCH_BEGIN, 0, nfgen(0, 10)),
      message(NFT.newTable, FLAG.create | FLAG.ack, nfgen(NFPROTO_INET), text(1, 'check')),
      message(NFT.newSet, FLAG.create | FLAG.ack, nfgen(NFPROTO_INET), ...set),
      message(BATCH_END, 0, nfgen(0, 10)),
    ]);
    const answers = new Netlink(p, FAMILY.netfilter).ask(batch);
    return () => {
      const acks = answers().map(errorOf);
      return judge(
        acks.length === 2 && acks.every((errno) => errno === 0),
        'nf_tables takes sets of concatenated keys',
        `nf_tables refuses a set of concatenated keys: ${errorText(answers())}`,
      );
    };
  });
}

/** iptables of the legacy kind: the program, and the kernel's table. */
export function legacyIptables(lab: Lab): Finding {
  const program = legacyProgram();
  if (program === undefined) return lacks('no iptables program of the legacy kind is on PATH (Debian: iptables)');
  return lab.inProcess('has_ipt_legacy', NS.net, (p) => {
    const socket = p.sys.socket(AF_INET, 3, IPPROTO_RAW).must('open a raw socket');
    // struct ipt_getinfo: a name of 32 bytes, then numbers.
    const info = p.out(84).set(Buffer.from('filter'));
    p.sys.getsockopt(socket, 0, 64, info, p.out(8).setU32(0, 84)).must('ask for the legacy table "filter"');
    return () => works(`${program} and the kernel's table`);
  });
}

function legacyProgram(): string | undefined {
  const dirs = [...(process.env['PATH'] ?? '').split(':'), '/usr/sbin', '/sbin'].filter((dir) => dir !== '');
  for (const path of dirs.flatMap((dir) => [join(dir, 'iptables-legacy'), join(dir, 'iptables')])) {
    try {
      accessSync(path, constants.X_OK);
      if (basename(realpathSync(path)).includes('legacy')) return path;
    } catch {
      // Not here: look at the next one.
    }
  }
  return undefined;
}
