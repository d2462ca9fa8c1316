/** Which known word somebody probably meant. */

/** Edit distance with swaps of neighbours (optimal string alignment), at most `limit + 1`. Both words are short: O(n*m) is nothing. */
export function editDistance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) > limit) return limit + 1;
  let before: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let best = Math.min((previous[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (previous[j - 1] ?? 0) + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) best = Math.min(best, (before[j - 2] ?? 0) + 1);
      row.push(best);
    }
    before = previous;
    previous = row;
  }
  return Math.min(previous[b.length] ?? 0, limit + 1);
}

/** The nearest of `known` (which must not be empty), however far away: for messages that have to name one. */
export function closest(word: string, known: Iterable<string>): string {
  const start = word.slice(0, 64);
  const distances = [...known].map((candidate) => [candidate, editDistance(start, candidate, 64)] as const);
  return distances.reduce((best, next) => (next[1] < best[1] ? next : best))[0];
}

/** The nearest of `known`, or undefined when nothing is near enough to be a likely slip (a third of the letters, at least one). */
export function nearest(word: string, known: Iterable<string>): string | undefined {
  const limit = Math.max(1, Math.floor(Math.min(word.length, 64) / 3));
  let best: string | undefined;
  let bestDistance = limit + 1;
  for (const candidate of known) {
    const distance = editDistance(word.slice(0, 64), candidate, limit);
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}
