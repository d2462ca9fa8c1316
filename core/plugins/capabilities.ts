/** Capabilities that manifests ask for (capabilities(7)): without them a plugin is not started, because it would fail in the middle of something. */
import { readStatus } from '../kernel/procfs/status.js';
import { ProcReader } from '../kernel/procfs/reader.js';
import { type CapabilityName, hasCapability } from '../resources/capabilities.js';

/** @returns what this process lacks, or null */
export function capabilityProblem(names: readonly string[] = []): string | null {
  if (names.length === 0) return null;
  const effective = readStatus(new ProcReader(), process.pid)?.caps.effective ?? 0n;
  const missing = names.filter((name) => !hasCapability(effective, name.replace(/^CAP_/, '') as CapabilityName));
  return missing.length === 0 ? null : `it needs ${missing.join(', ')}, which this process does not have`;
}
