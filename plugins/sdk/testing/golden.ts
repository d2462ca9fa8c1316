/** Image files as they were once, to notice a change of your format before your users do. */
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Compares files (such as HostDouble.images) with those in `folder`. With UPDATE_GOLDEN=1 in the environment it stores them instead.
 * @returns differences, one line each; empty when there are none
 */
export function goldenDifferences(images: ReadonlyMap<string, Uint8Array>, folder: string): string[] {
  if (process.env['UPDATE_GOLDEN'] === '1') {
    mkdirSync(folder, { recursive: true });
    for (const [name, data] of images) writeFileSync(join(folder, name), data);
    return [];
  }
  const stored = existsSync(folder) ? readdirSync(folder) : [];
  const names = [...new Set([...images.keys(), ...stored])].sort();
  return names.flatMap((name) => {
    const data = images.get(name);
    if (!data) return [`${name}: was written once, and is not any more`];
    if (!stored.includes(name)) return [`${name}: is new; store it with UPDATE_GOLDEN=1`];
    const old = readFileSync(join(folder, name));
    if (old.equals(data)) return [];
    const at = old.findIndex((byte, i) => byte !== data[i]);
    return [`${name}: differs at byte ${at < 0 ? old.length : at} (${old.length} bytes were stored, ${data.length} written)`];
  });
}
