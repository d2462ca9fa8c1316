/** What can be known before anything is touched, as data: each finding says what, how bad, and what to do. */

export interface Finding {
  readonly topic: 'driver' | 'devices' | 'memory' | 'host';
  /** `refused`: it cannot work. `warning`: it may not. `note`: good to know. */
  readonly verdict: 'ok' | 'note' | 'warning' | 'refused';
  readonly text: string;
  /** The next step. */
  readonly hint?: string;
}

/** In words. */
export const gib = (bytes: number) => `${(bytes / 2 ** 30).toFixed(1)} GiB`;

export function findingText({ verdict, text, hint }: Finding): string {
  const mark = verdict === 'ok' || verdict === 'note' ? '' : `${verdict}: `;
  return `${mark}${text}${hint === undefined ? '' : `. ${hint}`}`;
}
