/** In which order plugins run: what they say about each other first, then their names. Where and when they were found never matters. */

export interface Ordered {
  readonly name: string;
  readonly before?: readonly string[];
  readonly after?: readonly string[];
}

/** Who must come before `item`. Names that are not there are no relation. */
function predecessors(item: Ordered, all: readonly Ordered[]): string[] {
  return all
    .filter((other) => other !== item && ((item.after ?? []).includes(other.name) || (other.before ?? []).includes(item.name)))
    .map(({ name }) => name);
}

/** One cycle among what is left: each name with the one that it waits for. */
function cycleIn(left: readonly Ordered[]): string {
  const path: string[] = [];
  for (let at: Ordered | undefined = left[0]; at !== undefined && !path.includes(at.name);) {
    path.push(at.name);
    const [before] = predecessors(at, left).sort();
    at = left.find(({ name }) => name === before);
    if (at && path.includes(at.name)) return [...path.slice(path.indexOf(at.name)), at.name].join(' after ');
  }
  return path.join(', ');
}

/** @throws RangeError that prints the cycle when relations contradict each other */
export function orderPlugins<T extends Ordered>(plugins: readonly T[]): T[] {
  const left = [...plugins].sort((a, b) => (a.name < b.name ? -1 : 1));
  const out: T[] = [];
  while (left.length > 0) {
    const next = left.findIndex((item) => predecessors(item, left).length === 0);
    if (next < 0) throw new RangeError(`the order of plugins is a circle: ${cycleIn(left)}`);
    out.push(...left.splice(next, 1));
  }
  return out;
}
