// A program without CUDA: counts in a file.
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv) {
  int fd = open(argv[argc - 1], O_RDWR | O_CREAT | O_TRUNC, 0644);
  for (unsigned long n = 0;; n++) {
    char b[64];
    int k = snprintf(b, sizeof b, "tick %12lu\n", n);
    if (pwrite(fd, b, k, 0) < 0) return 1;
    usleep(10000);
  }
}
