/** Versions that clients see. */

/** The CRIU release whose command line, images and RPC we follow: clients compare it with the least version they need. */
export const CRIU_LEVEL = { major: 4, minor: 2 } as const;

/** Our own version; a unit test compares it with package.json. */
export const CRIU_TS_VERSION = '0.1.0';

/** What `criu-ts --version` prints. The first line is CRIU's, because scripts parse it. */
export function versionText(): string {
  return `Version: ${CRIU_LEVEL.major}.${CRIU_LEVEL.minor}\ncriu-ts: ${CRIU_TS_VERSION}\n`;
}
