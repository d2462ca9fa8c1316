/** Address ranges: ascending, without overlaps. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

/** What lies in both. */
export function intersectRanges(a: readonly Range[], b: readonly Range[]): Range[] {
  const out: Range[] = [];
  for (let i = 0, j = 0; i < a.length && j < b.length;) {
    const start = Math.max(a[i]!.start, b[j]!.start);
    const end = Math.min(a[i]!.end, b[j]!.end);
    if (start < end) out.push({ start, end });
    if (a[i]!.end < b[j]!.end) i++;
    else j++;
  }
  return out;
}

/** What of `a` is not in `b`. */
export function subtractRanges(a: readonly Range[], b: readonly Range[]): Range[] {
  const out: Range[] = [];
  let j = 0;
  for (const range of a) {
    let at = range.start;
    while (j < b.length && b[j]!.end <= at) j++;
    for (let k = j; k < b.length && b[k]!.start < range.end; k++) {
      if (b[k]!.start > at) out.push({ start: at, end: b[k]!.start });
      at = Math.max(at, b[k]!.end);
    }
    if (at < range.end) out.push({ start: at, end: range.end });
  }
  return out;
}
