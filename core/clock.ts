/**
 * Milliseconds of CLOCK_MONOTONIC, as `performance.now()` counts them but for the origin. The global `performance` is made when it is first read, which
 * takes longer than most stages.
 */
export function nowMs(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1e3 + nanoseconds / 1e6;
}
