/** What the peer itself cannot do: test/interop/known-gaps.json. A gap that is no longer one fails the tests, so the list stays true. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ProcReader } from '../../core/kernel/procfs/reader.js';
import { readStatus } from '../../core/kernel/procfs/status.js';
import { hasCapability, type CapabilityName } from '../../core/resources/capabilities.js';
import { repository } from './run-command.js';

export interface Gap {
  readonly victim: string;
  /** Releases that have the gap. */
  readonly peers: readonly string[];
  /** Which command of the peer fails, or wrongly succeeds; `pair` where its restore fails on its own dump only. */
  readonly side: 'dump' | 'restore' | 'pair';
  readonly reason: string;
  /** Only a gap where the tests run without this capability. */
  readonly without?: CapabilityName;
}

interface GapFile {
  readonly gaps: readonly Gap[];
}

const FILE = join(repository, 'test/interop/known-gaps.json');

export function knownGaps(): readonly Gap[] {
  return (JSON.parse(readFileSync(FILE, 'utf8')) as GapFile).gaps;
}

function applies({ without }: Gap): boolean {
  if (without === undefined) return true;
  const status = readStatus(new ProcReader(), process.pid);
  return status === null || !hasCapability(status.caps.effective, without);
}

/** The gap that makes this way through the peer impossible, if one is listed. */
export function gapFor(victim: string, mode: string, peer: string | undefined): Gap | undefined {
  if (peer === undefined) return undefined;
  const sides =
    mode === 'criu' ? ['dump', 'restore', 'pair'] : mode === 'criu-to-ours' ? ['dump'] : mode === 'ours-to-criu' ? ['restore'] : [];
  return knownGaps().find((gap) => applies(gap) && gap.victim === victim && gap.peers.includes(peer) && sides.includes(gap.side));
}
