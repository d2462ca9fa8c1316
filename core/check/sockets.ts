/** Probes of sockets and tun devices. */
import { readlinkSync } from 'node:fs';
import type { Arg, Call } from '../program/call.js';
import type { Program } from '../program/program.js';
import { type Finding, type Lab, NS, judge, works } from './lab.js';
import { KNOWN_FD, O_RDWR, asKnown, open, privateTmp, readFdinfo, readLink, word } from './steps.js';

const AF_UNIX = 1;
const AF_INET = 2;
const AF_INET6 = 10;
const SOCK_STREAM = 1;
const SOCK_DGRAM = 2;
const SOL_SOCKET = 1;
const SOL_TCP = 6;
const SOL_IPV6 = 41;
const SO_BINDTODEVICE = 25;
const SO_GET_FILTER = 26;
const SO_PEEK_OFF = 42;
const SO_BUF_LOCK = 72;
const BOTH_BUFFERS = 3;
const TCP_REPAIR = 19;
const TCP_TIMESTAMP = 24;
const TCP_REPAIR_WINDOW = 29;
const IPV6_FREEBIND = 78;
const SHUT_WR = 1;
const SIOCGSKNS = 0x894c;
const SIOCUNIXFILE = 0x89e0;
const SIOCSIFFLAGS = 0x8914;
const TUNSETIFF = 0x400454ca;
const TUNGETIFF = 0x800454d2;
const IFF_TUN_NO_PI = 0x1001;
const IFF_UP_RUNNING = 0x41;
const IFREQ_SIZE = 40;
const PORT = 4000;

function socket(p: Program, domain: number, type: number): Call {
  return p.sys.socket(domain, type, 0).must(`open a socket (domain ${domain}, type ${type})`);
}

function setOption(p: Program, fd: Arg, level: number, name: number, value: number, why: string): void {
  p.sys.setsockopt(fd, level, name, word(p, value), 4).must(why);
}

/** struct sockaddr_in of 127.0.0.1. */
function loopback(p: Program): ReturnType<Program['data']> {
  return p.data(Buffer.from([AF_INET, 0, PORT >> 8, PORT & 0xff, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]));
}

/** Repair mode on a connection whose sending side was shut down. */
export function tcpHalfClosed(lab: Lab): Finding {
  return lab.inProcess('tcp_half_closed', NS.net, (p) => {
    const up = p.out(IFREQ_SIZE).set(Buffer.from('lo')).setU32(16, IFF_UP_RUNNING);
    const server = socket(p, AF_INET, SOCK_STREAM);
    p.sys.ioctl(server, SIOCSIFFLAGS, up).must('bring the loopback device up');
    const address = loopback(p);
    p.sys.bind(server, address, 16).must('bind to the loopback address');
    p.sys.listen(server, 1).must('listen');
    const client = socket(p, AF_INET, SOCK_STREAM);
    p.sys.connect(client, address, 16).must('connect');
    p.sys.shutdown(client, SHUT_WR).must('shut down the sending side');
    setOption(p, client, SOL_TCP, TCP_REPAIR, 1, 'put a half-closed connection into repair mode');
    return () => works('a half-closed connection can be repaired');
  });
}

export function tcpRepair(lab: Lab): Finding {
  return lab.inProcess('tcp', NS.net, (p) => {
    const fd = socket(p, AF_INET, SOCK_STREAM);
    setOption(p, fd, SOL_TCP, TCP_REPAIR, 1, 'put a TCP socket into repair mode');
    p.sys.getsockopt(fd, SOL_TCP, TCP_TIMESTAMP, p.out(8), word(p, 4)).must('read the timestamp of a TCP socket');
    return () => works('TCP_REPAIR and TCP_TIMESTAMP work');
  });
}

export function tcpWindow(lab: Lab): Finding {
  return lab.inProcess('tcp_window', NS.net, (p) => {
    const fd = socket(p, AF_INET, SOCK_STREAM);
    setOption(p, fd, SOL_TCP, TCP_REPAIR, 1, 'put a TCP socket into repair mode');
    p.sys.getsockopt(fd, SOL_TCP, TCP_REPAIR_WINDOW, p.out(32), word(p, 20)).must('read the window of a TCP socket');
    return () => works('TCP_REPAIR_WINDOW works');
  });
}

/** The network namespace that a descriptor belongs to. */
function namespaceOf(lab: Lab, name: string, make: (p: Program) => Call): Finding {
  return lab.inProcess(name, 0, (p) => {
    asKnown(p, p.sys.ioctl(make(p), SIOCGSKNS, 0).must('ask for the network namespace'));
    const link = readLink(p, `/proc/self/fd/${KNOWN_FD}`);
    const ours = readlinkSync('/proc/self/ns/net');
    return () => judge(link() === ours, `it is ${ours}`, `it is told to be ${link()} instead of ${ours}`);
  });
}

export const socketNamespace = (lab: Lab): Finding => namespaceOf(lab, 'sk_ns', (p) => socket(p, AF_UNIX, SOCK_STREAM));
export const tunNamespace = (lab: Lab): Finding => namespaceOf(lab, 'tun_ns', (p) => open(p, '/dev/net/tun', O_RDWR, 'open /dev/net/tun'));

/** A device of its own, whose settings are read back. */
export function tun(lab: Lab): Finding {
  return lab.inProcess('tun', NS.net, (p) => {
    const fd = open(p, '/dev/net/tun', O_RDWR, 'open /dev/net/tun');
    const request = p.out(IFREQ_SIZE).set(Buffer.from('check0')).setU32(16, IFF_TUN_NO_PI);
    const answer = p.out(IFREQ_SIZE);
    p.sys.ioctl(fd, TUNSETIFF, request).must('make a tun device');
    p.sys.ioctl(fd, TUNGETIFF, answer).must('read a tun device');
    const text = readFdinfo(p, fd);
    const whole = () => answer.copy(0, 7).toString('latin1') === 'check0\0' && /^iff:\s+check0$/m.test(text());
    return () => judge(whole(), 'a tun device is told by TUNGETIFF and fdinfo', 'a tun device is not told back');
  });
}

/** The file of a bound unix socket: on a tmpfs of the probe's own. */
export function unixFile(lab: Lab): Finding {
  return lab.inProcess('sk_unix_file', NS.mount, (p) => {
    privateTmp(p);
    const fd = socket(p, AF_UNIX, SOCK_STREAM);
    const name = Buffer.from('\x01\0/tmp/socket\0', 'latin1');
    p.sys.bind(fd, p.data(name), name.length).must('bind a unix socket');
    asKnown(p, p.sys.ioctl(fd, SIOCUNIXFILE, 0).must('open the file of a unix socket'));
    const link = readLink(p, `/proc/self/fd/${KNOWN_FD}`);
    return () => judge(link() === '/tmp/socket', 'SIOCUNIXFILE opens the file', `SIOCUNIXFILE opened ${link()}`);
  });
}

export function bufferLock(lab: Lab): Finding {
  return lab.inProcess('sockopt_buf_lock', 0, (p) => {
    const fd = socket(p, AF_INET, SOCK_STREAM);
    const got = p.out(8);
    setOption(p, fd, SOL_SOCKET, SO_BUF_LOCK, BOTH_BUFFERS, 'lock the buffer sizes of a socket');
    p.sys.getsockopt(fd, SOL_SOCKET, SO_BUF_LOCK, got, word(p, 4)).must('read the lock of the buffer sizes');
    return () => judge(got.u32() === BOTH_BUFFERS, 'SO_BUF_LOCK is kept', `SO_BUF_LOCK reads ${got.u32()}`);
  });
}

export function freebind6(lab: Lab): Finding {
  return lab.inProcess('ipv6_freebind', 0, (p) => {
    const fd = socket(p, AF_INET6, SOCK_STREAM);
    const got = p.out(8);
    setOption(p, fd, SOL_IPV6, IPV6_FREEBIND, 1, 'set IPV6_FREEBIND');
    p.sys.getsockopt(fd, SOL_IPV6, IPV6_FREEBIND, got, word(p, 4)).must('read IPV6_FREEBIND');
    return () => judge(got.u32() === 1, 'IPV6_FREEBIND is kept', `IPV6_FREEBIND reads ${got.u32()}`);
  });
}

export function peekOffset(lab: Lab): Finding {
  return lab.inProcess('sock_peek_off', 0, (p) => {
    const fd = socket(p, AF_UNIX, SOCK_DGRAM);
    const got = p.out(8);
    p.sys.getsockopt(fd, SOL_SOCKET, SO_PEEK_OFF, got, word(p, 4)).must('read SO_PEEK_OFF');
    return () => judge(got.i32() === -1, 'SO_PEEK_OFF is -1 on a new socket', `SO_PEEK_OFF is ${got.i32()} on a new socket`);
  });
}

export function readableOptions(lab: Lab): Finding {
  return lab.inProcess('so_gets', 0, (p) => {
    const fd = socket(p, AF_INET, SOCK_DGRAM);
    p.sys.getsockopt(fd, SOL_SOCKET, SO_GET_FILTER, 0, word(p, 0)).must('read the filter of a socket');
    p.sys.getsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, p.out(16), word(p, 16)).must('read the device of a socket');
    return () => works('SO_GET_FILTER and SO_BINDTODEVICE can be read');
  });
}
