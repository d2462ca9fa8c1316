// Generated from core/images/schema/seccomp.proto by config/generate-images.mjs. Do not edit.
import { MessageType, type MessageBase } from '../message.js';

export interface SeccompFilter extends MessageBase {
  filter: Uint8Array;
  prev?: number | undefined;
  flags?: number | undefined;
}

export const SECCOMP_FILTER : MessageType<SeccompFilter> = new MessageType('seccomp_filter', () => [
  [1, 'filter', 'required', 'bytes'],
  [2, 'prev', 'optional', 'uint32'],
  [3, 'flags', 'optional', 'uint32'],
]);

export interface SeccompEntry extends MessageBase {
  seccomp_filters: SeccompFilter[];
}

export const SECCOMP_ENTRY : MessageType<SeccompEntry> = new MessageType('seccomp_entry', () => [
  [1, 'seccomp_filters', 'repeated', SECCOMP_FILTER],
]);

export interface AaPolicy extends MessageBase {
  name: string;
  blob: Uint8Array;
}

export const AA_POLICY : MessageType<AaPolicy> = new MessageType('aa_policy', () => [
  [1, 'name', 'required', 'string'],
  [2, 'blob', 'required', 'bytes'],
]);

export interface AaNamespace extends MessageBase {
  name: string;
  policies: AaPolicy[];
  namespaces: AaNamespace[];
}

export const AA_NAMESPACE : MessageType<AaNamespace> = new MessageType('aa_namespace', () => [
  [1, 'name', 'required', 'string'],
  [2, 'policies', 'repeated', AA_POLICY],
  [3, 'namespaces', 'repeated', AA_NAMESPACE],
]);

export interface ApparmorEntry extends MessageBase {
  namespaces: AaNamespace[];
}

export const APPARMOR_ENTRY : MessageType<ApparmorEntry> = new MessageType('apparmor_entry', () => [
  [1, 'namespaces', 'repeated', AA_NAMESPACE],
]);
