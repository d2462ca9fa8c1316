/** Mappings of devices that plugins claim: address, protection and offset are the host's business, where they lead at a restore is the plugin's. */
import { CrError } from '../errors.js';
import type { Hooks, MappingOwner } from '../hooks.js';
import type { Vma } from '../kernel/procfs/maps.js';
import type { ProcReader } from '../kernel/procfs/reader.js';
import type { RestoreFiles } from '../resources/files/restore.js';
import type { PluginRecord, SeenMapping } from './contexts.js';
import { seenMapping } from './filter.js';
import { ownerOf } from './owner.js';
import type { PluginSession } from './session.js';

const HOOK = 'dump.claimMapping';
const PAGE = 4096;

export class ExternalMappings {
  private frozen = false;
  /** Owners by pid and address, from plugins.json. */
  private readonly recorded = new Map<string, string>();

  constructor(
    private readonly session: PluginSession,
    private readonly hooks: Hooks,
    private readonly services: { readonly ranking: readonly string[]; readonly proc: ProcReader },
  ) {}

  attach(): void {
    if (this.session.operation !== 'restore') this.hooks.claims.claimMapping.tap('plugins', (pid, vma) => this.claim(pid, vma));
  }

  stop(): void {
    this.frozen = true;
  }

  run(): void {
    this.frozen = false;
  }

  private claim(pid: number, vma: Vma): MappingOwner | undefined {
    const mapping = seenMapping(this.services.proc, pid, vma, this.frozen);
    const answers = this.hooks.askNow(HOOK, mapping, (plugin) => this.session.claimsOf(plugin).mapping(mapping));
    const owner = ownerOf(answers, this.services.ranking, () => `pid ${pid} mapping 0x${vma.start.toString(16)} (${vma.name})`);
    if (!owner) return undefined;
    const { what, goneOr } = owner.answer;
    // While the tree runs it only has to be somebody's.
    if (!this.frozen) return { plugin: owner.plugin, what };
    if (goneOr !== undefined) throw leftover(owner.plugin, mapping, what, goneOr);
    if (!vma.shared) throw isPrivate(owner.plugin, mapping);
    this.session.note(this.session.pluginOf(owner.plugin)!, HOOK, [{ pid, address: vma.start, what }]);
    return { plugin: owner.plugin, what };
  }

  /** What the record says about mappings. */
  useRecord(records: readonly PluginRecord[]): void {
    for (const { name, objects } of records)
      for (const { pid, address, hook } of objects)
        if (hook === HOOK && address !== undefined) this.recorded.set(`${pid}:${address}`, name);
  }

  /** Asks where the mappings of the images lead now. @throws CrError CR_PLUGIN */
  async place(files: RestoreFiles): Promise<void> {
    for (const mapping of files.devices) {
      const { pid, start, end, offset, description } = mapping;
      const owner = this.recorded.get(`${pid}:${start}`) ?? null;
      const answers = await this.hooks.ask('restore.mapDevice', { pid, start, end, offset, path: description.what }, owner);
      const answer = ownerOf(answers, this.services.ranking, () => `pid ${pid} mapping 0x${start.toString(16)}`);
      if (!answer) continue;
      const { fd = null, offset: moved = offset } = answer.answer;
      if (!Number.isSafeInteger(moved) || moved < 0 || moved % PAGE !== 0)
        throw new CrError('CR_PLUGIN', {
          message: `plugin ${answer.plugin} answered offset ${moved}, which no mapping can have`,
          subject: { pid, addr: start },
        });
      files.placeDevice(mapping, fd, moved);
    }
  }
}

function leftover(plugin: string, { pid, start, link }: SeenMapping, what: string, hint: string): CrError {
  return new CrError('CR_UNSUPPORTED', {
    message: `is ${what} (${link}), and still mapped after plugin ${plugin} saved the state of its devices`,
    subject: { pid, addr: start },
    hint,
    target: 'running',
  });
}

function isPrivate(plugin: string, { pid, start, link }: SeenMapping): CrError {
  return new CrError('CR_UNSUPPORTED', {
    message: `is a private mapping of ${link}, which plugin ${plugin} claimed: only shared ones can be given back`,
    subject: { pid, addr: start },
    target: 'running',
  });
}
