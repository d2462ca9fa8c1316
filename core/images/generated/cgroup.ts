// Generated from core/images/schema/cgroup.proto by config/generate-images.mjs. Do not edit.
import { MessageType, type MessageBase } from '../message.js';

export interface CgroupPerms extends MessageBase {
  mode: number;
  uid: number;
  gid: number;
}

export const CGROUP_PERMS : MessageType<CgroupPerms> = new MessageType('cgroup_perms', () => [
  [1, 'mode', 'required', 'uint32'],
  [2, 'uid', 'required', 'uint32'],
  [3, 'gid', 'required', 'uint32'],
]);

export interface CgroupPropEntry extends MessageBase {
  name: string;
  value: string;
  perms?: CgroupPerms | undefined;
}

export const CGROUP_PROP_ENTRY : MessageType<CgroupPropEntry> = new MessageType('cgroup_prop_entry', () => [
  [1, 'name', 'required', 'string'],
  [2, 'value', 'required', 'string'],
  [3, 'perms', 'optional', CGROUP_PERMS],
]);

export interface CgroupDirEntry extends MessageBase {
  dir_name: string;
  children: CgroupDirEntry[];
  properties: CgroupPropEntry[];
  dir_perms?: CgroupPerms | undefined;
}

export const CGROUP_DIR_ENTRY : MessageType<CgroupDirEntry> = new MessageType('cgroup_dir_entry', () => [
  [1, 'dir_name', 'required', 'string'],
  [2, 'children', 'repeated', CGROUP_DIR_ENTRY],
  [3, 'properties', 'repeated', CGROUP_PROP_ENTRY],
  [4, 'dir_perms', 'optional', CGROUP_PERMS],
]);

export interface CgControllerEntry extends MessageBase {
  cnames: string[];
  dirs: CgroupDirEntry[];
  is_threaded?: boolean | undefined;
}

export const CG_CONTROLLER_ENTRY : MessageType<CgControllerEntry> = new MessageType('cg_controller_entry', () => [
  [1, 'cnames', 'repeated', 'string'],
  [2, 'dirs', 'repeated', CGROUP_DIR_ENTRY],
  [3, 'is_threaded', 'optional', 'bool'],
]);

export interface CgMemberEntry extends MessageBase {
  name: string;
  path: string;
  cgns_prefix?: number | undefined;
}

export const CG_MEMBER_ENTRY : MessageType<CgMemberEntry> = new MessageType('cg_member_entry', () => [
  [1, 'name', 'required', 'string'],
  [2, 'path', 'required', 'string'],
  [3, 'cgns_prefix', 'optional', 'uint32'],
]);

export interface CgSetEntry extends MessageBase {
  id: number;
  ctls: CgMemberEntry[];
}

export const CG_SET_ENTRY : MessageType<CgSetEntry> = new MessageType('cg_set_entry', () => [
  [1, 'id', 'required', 'uint32'],
  [2, 'ctls', 'repeated', CG_MEMBER_ENTRY],
]);

export interface CgroupEntry extends MessageBase {
  sets: CgSetEntry[];
  controllers: CgControllerEntry[];
}

export const CGROUP_ENTRY : MessageType<CgroupEntry> = new MessageType('cgroup_entry', () => [
  [1, 'sets', 'repeated', CG_SET_ENTRY],
  [2, 'controllers', 'repeated', CG_CONTROLLER_ENTRY],
]);
