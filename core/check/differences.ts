/** Where the answer of a probe may differ from that of CRIU's `check --feature`, and why ours is what it is. Tests allow exactly these. */
export const DIFFERENCES: Readonly<Record<string, string>> = {
  compat_cr: 'CRIU also answers no when it was built without support for 32-bit programs; ours asks the kernel alone.',
  nftables: 'CRIU answers whether it was linked with libnftables; ours asks the kernel.',
  network_lock_nftables: 'CRIU also answers no when it was built without libnftables; ours asks the kernel.',
  external_net_ns: 'CRIU always answers yes; ours enters a network namespace.',
  has_ipt_legacy: "CRIU looks for the program only; ours also asks for the kernel's table.",
  net_diag_raw:
    'CRIU 4.1 and 4.2 also take a list that ends with an error (ENOENT: CONFIG_INET_RAW_DIAG is not set) for an answer; ours reads the error, and raw sockets really cannot be found then.',
  breakpoints: 'CRIU tries it on its own thread at start-up and may keep the answer in its cache; ours tries it each time.',
};
