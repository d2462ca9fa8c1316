// Generated from core/images/schema/stats.proto by config/generate-images.mjs. Do not edit.
import { MessageType, type MessageBase } from '../message.js';

export interface DumpStatsEntry extends MessageBase {
  freezing_time: number;
  frozen_time: number;
  memdump_time: number;
  memwrite_time: number;
  pages_scanned: bigint;
  pages_skipped_parent: bigint;
  pages_written: bigint;
  irmap_resolve?: number | undefined;
  pages_lazy: bigint;
  page_pipes?: bigint | undefined;
  page_pipe_bufs?: bigint | undefined;
  shpages_scanned?: bigint | undefined;
  shpages_skipped_parent?: bigint | undefined;
  shpages_written?: bigint | undefined;
}

export const DUMP_STATS_ENTRY : MessageType<DumpStatsEntry> = new MessageType('dump_stats_entry', () => [
  [1, 'freezing_time', 'required', 'uint32'],
  [2, 'frozen_time', 'required', 'uint32'],
  [3, 'memdump_time', 'required', 'uint32'],
  [4, 'memwrite_time', 'required', 'uint32'],
  [5, 'pages_scanned', 'required', 'uint64'],
  [6, 'pages_skipped_parent', 'required', 'uint64'],
  [7, 'pages_written', 'required', 'uint64'],
  [8, 'irmap_resolve', 'optional', 'uint32'],
  [9, 'pages_lazy', 'required', 'uint64'],
  [10, 'page_pipes', 'optional', 'uint64'],
  [11, 'page_pipe_bufs', 'optional', 'uint64'],
  [12, 'shpages_scanned', 'optional', 'uint64'],
  [13, 'shpages_skipped_parent', 'optional', 'uint64'],
  [14, 'shpages_written', 'optional', 'uint64'],
]);

export interface RestoreStatsEntry extends MessageBase {
  pages_compared: bigint;
  pages_skipped_cow: bigint;
  forking_time: number;
  restore_time: number;
  pages_restored?: bigint | undefined;
}

export const RESTORE_STATS_ENTRY : MessageType<RestoreStatsEntry> = new MessageType('restore_stats_entry', () => [
  [1, 'pages_compared', 'required', 'uint64'],
  [2, 'pages_skipped_cow', 'required', 'uint64'],
  [3, 'forking_time', 'required', 'uint32'],
  [4, 'restore_time', 'required', 'uint32'],
  [5, 'pages_restored', 'optional', 'uint64'],
]);

export interface StatsEntry extends MessageBase {
  dump?: DumpStatsEntry | undefined;
  restore?: RestoreStatsEntry | undefined;
}

export const STATS_ENTRY : MessageType<StatsEntry> = new MessageType('stats_entry', () => [
  [1, 'dump', 'optional', DUMP_STATS_ENTRY],
  [2, 'restore', 'optional', RESTORE_STATS_ENTRY],
]);
