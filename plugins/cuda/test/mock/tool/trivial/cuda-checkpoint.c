// The trivial mock (gpu.md A.4.1): no state, no errors. Only the steps that wake and stop a thread are exercised with it: the "restore thread"
// of a process is its main thread. For running CRIU's own tests with a CUDA plugin; everything else uses the honest mock.
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv) {
  const char *pid = "";
  int state = 0, tid = 0;
  for (int i = 1; i < argc; i++) {
    if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) return puts("--get-state --get-restore-tid --action --pid --timeout") < 0;
    if (strcmp(argv[i], "--get-state") == 0) state = 1;
    if (strcmp(argv[i], "--get-restore-tid") == 0) tid = 1;
    if ((strcmp(argv[i], "--pid") == 0 || strcmp(argv[i], "-p") == 0) && i + 1 < argc) pid = argv[++i];
  }
  if (state) puts("running");
  if (tid) puts(pid);
  return 0;
}
