/** Who gets an object that plugins claim. */
import { CrError } from '../errors.js';

/**
 * The one claimant; of several the one that the user ranked first. Null when there is none.
 * @param what the object, for the message
 * @throws CrError CR_PLUGIN when several claim it and the user did not rank them
 */
export function ownerOf<T extends { readonly plugin: string }>(
  claims: readonly T[],
  ranking: readonly string[],
  what: () => string,
): T | null {
  const [first, second] = claims;
  if (!first || !second) return first ?? null;
  const ranked = ranking.flatMap((name) => claims.find(({ plugin }) => plugin === name) ?? []);
  if (ranked[0]) return ranked[0];
  const names = claims.map(({ plugin }) => plugin);
  throw new CrError('CR_PLUGIN', {
    message: `${what()} is claimed by ${names.length} plugins: ${names.join(', ')}`,
    hint: `Rank them in criu.config.ts (ranking: ['${names[0]!}', ...]), or leave one out with --disable-plugin.`,
  });
}
