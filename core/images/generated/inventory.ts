// Generated from core/images/schema/inventory.proto by config/generate-images.mjs. Do not edit.
import { MessageType, type MessageBase } from '../message.js';
import { TASK_KOBJ_IDS_ENTRY, type TaskKobjIdsEntry } from './task.js';

export const LSMTYPE = {
  NO_LSM: 0,
  SELINUX: 1,
  APPARMOR: 2,
} as const;

export interface PluginsEntry extends MessageBase {
  plugins: string[];
}

export const PLUGINS_ENTRY : MessageType<PluginsEntry> = new MessageType('plugins_entry', () => [
  [12, 'plugins', 'repeated', 'string'],
]);

export interface InventoryEntry extends MessageBase {
  img_version: number;
  fdinfo_per_id?: boolean | undefined;
  root_ids?: TaskKobjIdsEntry | undefined;
  ns_per_id?: boolean | undefined;
  root_cg_set?: number | undefined;
  lsmtype?: number | undefined;
  dump_uptime?: bigint | undefined;
  pre_dump_mode?: number | undefined;
  tcp_close?: boolean | undefined;
  network_lock_method?: number | undefined;
  plugins_entry?: PluginsEntry | undefined;
  dump_criu_run_id?: string | undefined;
  allow_uprobes?: boolean | undefined;
}

export const INVENTORY_ENTRY : MessageType<InventoryEntry> = new MessageType('inventory_entry', () => [
  [1, 'img_version', 'required', 'uint32'],
  [2, 'fdinfo_per_id', 'optional', 'bool'],
  [3, 'root_ids', 'optional', TASK_KOBJ_IDS_ENTRY],
  [4, 'ns_per_id', 'optional', 'bool'],
  [5, 'root_cg_set', 'optional', 'uint32'],
  [6, 'lsmtype', 'optional', { enum: 'lsmtype', values: LSMTYPE }],
  [8, 'dump_uptime', 'optional', 'uint64'],
  [9, 'pre_dump_mode', 'optional', 'uint32'],
  [10, 'tcp_close', 'optional', 'bool'],
  [11, 'network_lock_method', 'optional', 'uint32'],
  [12, 'plugins_entry', 'optional', PLUGINS_ENTRY],
  [13, 'dump_criu_run_id', 'optional', 'string'],
  [14, 'allow_uprobes', 'optional', 'bool'],
]);
