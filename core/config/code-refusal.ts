/** How the errors of the module hooks, which may run on another thread, come back whole. */
import { CrError } from '../errors.js';

/** Query of the URL of a file that we import: it and what it imports is checked, other modules of the process are not ours to judge. */
export const CODE_MARK = 'criu-ts-code';

const REFUSAL = 'criu-ts refusal ';

/** Errors cross threads as text. */
export function encodeRefusal(error: unknown): unknown {
  if (!(error instanceof CrError)) return error;
  const { code, message, hint, subject, kernel } = error;
  return new Error(REFUSAL + JSON.stringify({ code, message, hint, subject, kernel }));
}

/** The error that `encodeRefusal` was given; undefined for any other. */
export function decodeRefusal(error: unknown): CrError | undefined {
  if (!(error instanceof Error) || !error.message.startsWith(REFUSAL)) return undefined;
  type Fields = Pick<CrError, 'code' | 'message' | 'hint' | 'subject'>;
  const { code, subject, ...fields } = JSON.parse(error.message.slice(REFUSAL.length)) as Fields;
  return Object.assign(new CrError(code, { ...fields, target: 'not started' }), { subject });
}
