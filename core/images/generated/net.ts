// Generated from core/images/schema/net.proto by config/generate-images.mjs. Do not edit.
import { MessageType, type MessageBase } from '../message.js';

export const SYSCTL_TYPE = {
  CTL_STR: 5,
  CTL_32: 6,
} as const;

export interface SysctlEntry extends MessageBase {
  type: number;
  iarg?: number | undefined;
  sarg?: string | undefined;
}

export const SYSCTL_ENTRY : MessageType<SysctlEntry> = new MessageType('sysctl_entry', () => [
  [1, 'type', 'required', { enum: 'SysctlType', values: SYSCTL_TYPE }],
  [2, 'iarg', 'optional', 'int32'],
  [3, 'sarg', 'optional', 'string'],
]);

export interface MacvlanLinkEntry extends MessageBase {
  mode: number;
  flags?: number | undefined;
}

export const MACVLAN_LINK_ENTRY : MessageType<MacvlanLinkEntry> = new MessageType('macvlan_link_entry', () => [
  [1, 'mode', 'required', 'uint32'],
  [2, 'flags', 'optional', 'uint32'],
]);

export interface SitEntry extends MessageBase {
  link?: number | undefined;
  local: number[];
  remote: number[];
  ttl?: number | undefined;
  tos?: number | undefined;
  pmtudisc?: boolean | undefined;
  proto?: number | undefined;
  flags?: number | undefined;
  encap_type?: number | undefined;
  encap_flags?: number | undefined;
  encap_sport?: number | undefined;
  encap_dport?: number | undefined;
  rd_prefixlen?: number | undefined;
  rd_prefix: number[];
  relay_prefixlen?: number | undefined;
  relay_prefix: number[];
}

export const SIT_ENTRY : MessageType<SitEntry> = new MessageType('sit_entry', () => [
  [1, 'link', 'optional', 'uint32'],
  [2, 'local', 'repeated', 'uint32'],
  [3, 'remote', 'repeated', 'uint32'],
  [4, 'ttl', 'optional', 'uint32'],
  [5, 'tos', 'optional', 'uint32'],
  [6, 'pmtudisc', 'optional', 'bool'],
  [7, 'proto', 'optional', 'uint32'],
  [8, 'flags', 'optional', 'uint32'],
  [9, 'encap_type', 'optional', 'uint32'],
  [10, 'encap_flags', 'optional', 'uint32'],
  [11, 'encap_sport', 'optional', 'uint32'],
  [12, 'encap_dport', 'optional', 'uint32'],
  [13, 'rd_prefixlen', 'optional', 'uint32'],
  [14, 'rd_prefix', 'repeated', 'uint32'],
  [15, 'relay_prefixlen', 'optional', 'uint32'],
  [16, 'relay_prefix', 'repeated', 'uint32'],
]);

export interface TunfileEntry extends MessageBase {
  id: number;
  netdev?: string | undefined;
  detached?: boolean | undefined;
  ns_id?: number | undefined;
}

export const TUNFILE_ENTRY : MessageType<TunfileEntry> = new MessageType('tunfile_entry', () => [
  [1, 'id', 'required', 'uint32'],
  [2, 'netdev', 'optional', 'string'],
  [3, 'detached', 'optional', 'bool'],
  [4, 'ns_id', 'optional', 'uint32'],
]);

export interface TunLinkEntry extends MessageBase {
  flags: number;
  owner: number;
  group: number;
  vnethdr: number;
  sndbuf: number;
}

export const TUN_LINK_ENTRY : MessageType<TunLinkEntry> = new MessageType('tun_link_entry', () => [
  [1, 'flags', 'required', 'uint32'],
  [2, 'owner', 'required', 'int32'],
  [3, 'group', 'required', 'int32'],
  [4, 'vnethdr', 'required', 'uint32'],
  [5, 'sndbuf', 'required', 'uint32'],
]);

export const ND_TYPE = {
  LOOPBACK: 1,
  VETH: 2,
  TUN: 3,
  EXTLINK: 4,
  VENET: 5,
  BRIDGE: 6,
  MACVLAN: 7,
  SIT: 8,
} as const;

export interface NetDeviceEntry extends MessageBase {
  type: number;
  ifindex: number;
  mtu: number;
  flags: number;
  name: string;
  tun?: TunLinkEntry | undefined;
  address?: Uint8Array | undefined;
  conf: number[];
  conf4: SysctlEntry[];
  conf6: SysctlEntry[];
  macvlan?: MacvlanLinkEntry | undefined;
  peer_ifindex?: number | undefined;
  peer_nsid?: number | undefined;
  master?: number | undefined;
  sit?: SitEntry | undefined;
}

export const NET_DEVICE_ENTRY : MessageType<NetDeviceEntry> = new MessageType('net_device_entry', () => [
  [1, 'type', 'required', { enum: 'nd_type', values: ND_TYPE }],
  [2, 'ifindex', 'required', 'uint32'],
  [3, 'mtu', 'required', 'uint32'],
  [4, 'flags', 'required', 'uint32'],
  [5, 'name', 'required', 'string'],
  [6, 'tun', 'optional', TUN_LINK_ENTRY],
  [7, 'address', 'optional', 'bytes'],
  [8, 'conf', 'repeated', 'int32'],
  [9, 'conf4', 'repeated', SYSCTL_ENTRY],
  [10, 'conf6', 'repeated', SYSCTL_ENTRY],
  [11, 'macvlan', 'optional', MACVLAN_LINK_ENTRY],
  [12, 'peer_ifindex', 'optional', 'uint32'],
  [13, 'peer_nsid', 'optional', 'uint32'],
  [14, 'master', 'optional', 'uint32'],
  [15, 'sit', 'optional', SIT_ENTRY],
]);

export interface NetnsId extends MessageBase {
  target_ns_id: number;
  netnsid_value: number;
}

export const NETNS_ID : MessageType<NetnsId> = new MessageType('netns_id', () => [
  [1, 'target_ns_id', 'required', 'uint32'],
  [2, 'netnsid_value', 'required', 'int32'],
]);

export interface NetnsEntry extends MessageBase {
  def_conf: number[];
  all_conf: number[];
  def_conf4: SysctlEntry[];
  all_conf4: SysctlEntry[];
  def_conf6: SysctlEntry[];
  all_conf6: SysctlEntry[];
  nsids: NetnsId[];
  ext_key?: string | undefined;
  unix_conf: SysctlEntry[];
  ipv4_sysctl: SysctlEntry[];
}

export const NETNS_ENTRY : MessageType<NetnsEntry> = new MessageType('netns_entry', () => [
  [1, 'def_conf', 'repeated', 'int32'],
  [2, 'all_conf', 'repeated', 'int32'],
  [3, 'def_conf4', 'repeated', SYSCTL_ENTRY],
  [4, 'all_conf4', 'repeated', SYSCTL_ENTRY],
  [5, 'def_conf6', 'repeated', SYSCTL_ENTRY],
  [6, 'all_conf6', 'repeated', SYSCTL_ENTRY],
  [7, 'nsids', 'repeated', NETNS_ID],
  [8, 'ext_key', 'optional', 'string'],
  [9, 'unix_conf', 'repeated', SYSCTL_ENTRY],
  [10, 'ipv4_sysctl', 'repeated', SYSCTL_ENTRY],
]);
