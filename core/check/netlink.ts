/** Netlink messages for probes (netlink(7), linux/netlink.h). */
import type { Program, Ptr } from '../program/program.js';

const AF_NETLINK = 16;
/** SOCK_RAW | SOCK_NONBLOCK: the kernel answers before write returns, so waiting would mean that there is no answer. */
const SOCK_RAW_NONBLOCK = 3 | 0o4000;
const HEADER = 16;
const ATTRIBUTE_HEADER = 4;
const NLMSG_ERROR = 2;
const NLMSG_DONE = 3;
const BUFFER = 16384;
const MAX_MESSAGES = 256;

export const FLAG = { request: 1, ack: 4, dump: 0x300, create: 0x400 } as const;
export const FAMILY = { route: 0, sockDiag: 4, netfilter: 12 } as const;
const NESTED = 0x8000;

export interface Message {
  readonly type: number;
  readonly body: Buffer;
}

const padded = (length: number): number => (length + 3) & ~3;

export function attribute(type: number, value: Buffer): Buffer {
  const out = Buffer.alloc(padded(ATTRIBUTE_HEADER + value.length));
  out.writeUInt16LE(ATTRIBUTE_HEADER + value.length, 0);
  out.writeUInt16LE(type, 2);
  value.copy(out, ATTRIBUTE_HEADER);
  return out;
}

export const nested = (type: number, ...inside: Buffer[]): Buffer => attribute(type | NESTED, Buffer.concat(inside));
export const text = (type: number, value: string): Buffer => attribute(type, Buffer.from(`${value}\0`));

export function u32(type: number, value: number): Buffer {
  const out = Buffer.alloc(4);
  out.writeUInt32LE(value >>> 0);
  return attribute(type, out);
}

/** Network byte order, as nfnetlink has it. */
export function be32(type: number, value: number): Buffer {
  const out = Buffer.alloc(4);
  out.writeUInt32BE(value);
  return attribute(type, out);
}

export function message(type: number, flags: number, ...body: Buffer[]): Buffer {
  const all = Buffer.concat(body);
  const out = Buffer.alloc(padded(HEADER + all.length));
  out.writeUInt32LE(HEADER + all.length, 0);
  out.writeUInt16LE(type, 4);
  out.writeUInt16LE(flags | FLAG.request, 6);
  all.copy(out, HEADER);
  return out;
}

/** Splits what the kernel sent. Its lengths are checked: an answer that ends early is cut there. */
function parse(bytes: Buffer): Message[] {
  const out: Message[] = [];
  for (let at = 0; at + HEADER <= bytes.length && out.length < MAX_MESSAGES;) {
    const length = bytes.readUInt32LE(at);
    if (length < HEADER || at + length > bytes.length) break;
    out.push({ type: bytes.readUInt16LE(at + 4), body: bytes.subarray(at + HEADER, at + length) });
    at += padded(length);
  }
  return out;
}

/**
 * Error number of an answer: 0 for an acknowledgement, undefined when it says neither. A list that cannot be made ends with NLMSG_DONE, and the
 * error stands in there (netlink_dump_done, net/netlink/af_netlink.c).
 */
export function errorOf({ type, body }: Message): number | undefined {
  return (type === NLMSG_ERROR || type === NLMSG_DONE) && body.length >= 4 ? 0 - body.readInt32LE(0) : undefined;
}

/** The first error among the answers, 0 when there is none. */
export function firstError(messages: readonly Message[]): number {
  return messages.map(errorOf).find((errno) => errno !== undefined && errno !== 0) ?? 0;
}

/** Value of an attribute of a message whose fixed part has `fixed` bytes. */
export function find(body: Buffer, fixed: number, wanted: number): Buffer | undefined {
  for (let at = padded(fixed); at + ATTRIBUTE_HEADER <= body.length;) {
    const length = body.readUInt16LE(at);
    if (length < ATTRIBUTE_HEADER || at + length > body.length) return undefined;
    if ((body.readUInt16LE(at + 2) & ~NESTED) === wanted) return body.subarray(at + ATTRIBUTE_HEADER, at + length);
    at += padded(length);
  }
  return undefined;
}

/** One socket of a probe. */
export class Netlink {
  private readonly fd;
  constructor(
    private readonly p: Program,
    family: number,
  ) {
    this.fd = p.sys.socket(AF_NETLINK, SOCK_RAW_NONBLOCK, family).must(`open a netlink socket of family ${family}`);
  }

  /** Sends messages together and reads up to `reads` answers. */
  ask(bytes: Buffer, reads = 4): () => Message[] {
    const { p } = this;
    p.sys.write(this.fd, p.data(bytes), bytes.length).must('send a netlink message');
    const answers = Array.from({ length: reads }, (): [Ptr, { readonly result: number }] => {
      const buffer = p.out(BUFFER);
      return [buffer, p.sys.read(this.fd, buffer, BUFFER).ignore('no more answers')];
    });
    return () => answers.flatMap(([buffer, call]) => parse(buffer.copy(0, Math.max(0, call.result))));
  }
}
