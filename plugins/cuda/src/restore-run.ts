/** The plugin in one restore: everything is checked before anything exists, and done when everything stands. */
import type { PluginHost, RestorePlan, StoppedTree } from '@criu-ts/plugin-sdk';
import type { CudaBackend, GpuPair } from './backend.js';
import { openBackend } from './choose-backend.js';
import { candidates } from './discover.js';
import { wakeOf } from './dump-run.js';
import { CudaError } from './errors.js';
import { findingText } from './finding.js';
import { backendChoice, type CudaOptions } from './options.js';
import { checkRestore } from './preflight.js';
import { readRecord, type CudaRecord } from './record.js';
import { resumeRestored } from './restore-states.js';

export class RestoreRun {
  private backend: CudaBackend | undefined;
  private pairs: readonly GpuPair[] = [];
  private record: CudaRecord | null = null;

  constructor(
    private readonly host: PluginHost,
    private readonly options: CudaOptions,
  ) {}

  /** Why the checkpoint cannot come back here; empty when it can. */
  async check(plan: RestorePlan): Promise<readonly string[]> {
    this.record = readRecord(plan.record?.facts);
    // Nothing of the driver is needed when somebody else brings the devices back.
    if (this.options.finalState === 'checkpointed') return [];
    try {
      this.backend = await openBackend(backendChoice(this.options));
    } catch (error) {
      if (!(error instanceof CudaError)) throw error;
      return [`${error.message}. ${error.hint}`];
    }
    const { pairs, findings } = await checkRestore(this.backend, this.record, this.options);
    this.pairs = pairs;
    for (const finding of findings) {
      if (finding.verdict === 'warning') this.host.log.warn(findingText(finding));
      if (finding.verdict === 'note') this.host.log.info(findingText(finding));
    }
    return findings
      .filter(({ verdict }) => verdict === 'refused')
      .map(({ text, hint }) => `${text}${hint === undefined ? '' : `. ${hint}`}`);
  }

  /** Gives the restored tree its devices back. */
  async resume(tree: StoppedTree): Promise<void> {
    const { backend, options, record } = this;
    if (backend === undefined) return;
    const recorded = record?.tasks ?? null;
    const pids = tree.tasks.map(({ pid }) => pid);
    const found = candidates(tree, options);
    const asked = pids.filter((pid) => found.includes(pid) || recorded?.some((task) => task.pid === pid));
    await resumeRestored(backend, asked, wakeOf(tree), {
      final: options.finalState,
      recorded,
      pairs: this.pairs,
      moveLimit: options.parallel,
    });
  }

  async close(): Promise<void> {
    await this.backend?.close(true);
  }
}
