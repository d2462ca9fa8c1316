// A connection to the fake GPU daemon: one request and its reply at a time.
#ifndef MOCK_LINK_H
#define MOCK_LINK_H

#include <pthread.h>

#include "abi.h"
#include "wire.h"

class Link {
 public:
  // Connects and says hello. kNoDevice when no daemon listens.
  CUresult open(const char *path, uint64_t client, const char *group);
  void close();
  bool is_open() const { return fd_ >= 0; }

  CUresult call(const GpuRequest &request, GpuReply *reply);
  // kRead: fills `data` with request.size bytes.
  CUresult read(GpuRequest request, void *data);
  // kWrite: sends request.size bytes of `data`.
  CUresult write(GpuRequest request, const void *data);
  CUresult devices(GpuDevice *devices, int *count);

 private:
  CUresult exchange(const GpuRequest &request, const void *out, GpuReply *reply);

  int fd_ = -1;
  pthread_mutex_t mutex_ = PTHREAD_MUTEX_INITIALIZER;
};

#endif
