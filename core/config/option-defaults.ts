/** Keys of `criu.config.*` that are options. Made from core/config/options-table.ts by config/generate-docs.mjs. Do not edit. */
export interface OptionDefaults {
  /** the tree goes on after the dump (--leave-running; dump). */
  readonly leaveRunning?: boolean;
  /** the tree stays stopped (--leave-stopped; dump, restore). */
  readonly leaveStopped?: boolean;
  /** end after the restore, do not wait (--restore-detached; restore). */
  readonly restoreDetached?: boolean;
  /** the same as --restore-detached (--daemon; restore). */
  readonly daemon?: boolean;
  /** the root becomes our sibling; needs -d (--restore-sibling; restore). */
  readonly restoreSibling?: boolean;
  /** folder of the images (default .) (--images-dir; all). */
  readonly imagesDir?: string;
  /** folder of log, stats, pidfile (default -D) (--work-dir; all). */
  readonly workDir?: string;
  /** write the root pid to a new file (--pidfile; restore). */
  readonly pidfile?: string;
  /** close this descriptor first (--close; all). */
  readonly close?: number | readonly number[];
  /** freeze through the cgroup in this folder (--freeze-cgroup; dump). */
  readonly freezeCgroup?: string;
  /** seconds to freeze the tree (default 10) (--timeout; dump). */
  readonly timeout?: number;
  /** program to run at fixed points (--action-script; dump, restore). */
  readonly actionScript?: string | readonly string[];
  /** all checks, nothing touched (--dry-run; dump, restore). */
  readonly dryRun?: boolean;
  /** keep every syscall program here (--trace-programs; dump, restore). */
  readonly tracePrograms?: string;
  /** write every syscall program as a C file here (--emit-c; dump, restore). */
  readonly emitC?: string;
  /** run programs in tasks op by op from outside (slow) (--step; dump). */
  readonly step?: boolean;
  /** the same as --plugin-dir (--libdir; dump, restore, plugin). */
  readonly libdir?: string | readonly string[];
  /** restore without a plugin of the images (--allow-missing-plugin; restore, plugin). */
  readonly allowMissingPlugin?: string | readonly string[];
  /** accept a session leader outside the tree (--shell-job; dump, restore). */
  readonly shellJob?: boolean;
  /** link deleted files that have other names (--link-remap; dump). */
  readonly linkRemap?: boolean;
  /** find devices by number (--evasive-devices; dump, restore). */
  readonly evasiveDevices?: boolean;
  /** biggest deleted file to keep (default 1M) (--ghost-limit; dump). */
  readonly ghostLimit?: number | string;
  /** keep holes of deleted files (default on) (--ghost-fiemap; dump). */
  readonly ghostFiemap?: boolean;
  /** filesize, or buildid (default; ELF files by that, too) (--file-validation; dump, restore). */
  readonly fileValidation?: 'filesize' | 'buildid';
  /** do not compare file modes (--skip-file-rwx-check; restore). */
  readonly skipFileRwxCheck?: boolean;
  /** dump file locks (--file-locks; dump, restore). */
  readonly fileLocks?: boolean;
  /** log to a file in the work dir; - is stdout (--log-file; all). */
  readonly logFile?: string;
  /** accepted: all our lines are in one log (--log-pid; all). */
  readonly logPid?: boolean;
  /** 0 to 4 (default 2); -v, -vv, -v4 (--verbosity; all). */
  readonly verbosity?: number;
  /** print the statistics (--display-stats; dump, restore). */
  readonly displayStats?: boolean;
  /** check only this feature (--feature; check). */
  readonly feature?: string;
  /** check what some programs need (--extra; check). */
  readonly extra?: boolean;
  /** check experimental features (--experimental; check). */
  readonly experimental?: boolean;
  /** both (--all; check). */
  readonly all?: boolean;
}
