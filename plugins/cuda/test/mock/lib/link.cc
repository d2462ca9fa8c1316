#include "link.h"

#include "io.h"

namespace {

struct Locked {
  explicit Locked(pthread_mutex_t *mutex) : mutex(mutex) { pthread_mutex_lock(mutex); }
  ~Locked() { pthread_mutex_unlock(mutex); }
  pthread_mutex_t *mutex;
};

}  // namespace

CUresult Link::open(const char *path, uint64_t client, const char *group) {
  fd_ = connect_unix(path);
  if (fd_ < 0) return kNoDevice;
  GpuRequest hello{};
  hello.op = GpuOp::kHello;
  hello.value = client;
  snprintf(hello.text, sizeof hello.text, "%s", group);
  GpuReply reply;
  CUresult code = call(hello, &reply);
  if (code != kSuccess) close();
  return code;
}

void Link::close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

CUresult Link::exchange(const GpuRequest &request, const void *out, GpuReply *reply) {
  if (fd_ < 0) return kUnknown;
  if (!send_all(fd_, &request, sizeof request)) return kUnknown;
  if (out != nullptr && !send_all(fd_, out, request.size)) return kUnknown;
  if (!read_all(fd_, reply, sizeof *reply)) return kUnknown;
  return reply->code;
}

CUresult Link::call(const GpuRequest &request, GpuReply *reply) {
  Locked locked(&mutex_);
  return exchange(request, nullptr, reply);
}

CUresult Link::read(GpuRequest request, void *data) {
  Locked locked(&mutex_);
  request.op = GpuOp::kRead;
  GpuReply reply;
  CUresult code = exchange(request, nullptr, &reply);
  if (code != kSuccess) return code;
  return reply.value == request.size && read_all(fd_, data, request.size) ? kSuccess : kUnknown;
}

CUresult Link::write(GpuRequest request, const void *data) {
  Locked locked(&mutex_);
  request.op = GpuOp::kWrite;
  GpuReply reply;
  return exchange(request, data, &reply);
}

CUresult Link::devices(GpuDevice *devices, int *count) {
  Locked locked(&mutex_);
  GpuRequest request{};
  request.op = GpuOp::kDevices;
  GpuReply reply;
  CUresult code = exchange(request, nullptr, &reply);
  if (code != kSuccess) return code;
  if (reply.count > kMaxDevices || !read_all(fd_, devices, reply.count * sizeof *devices)) return kUnknown;
  *count = static_cast<int>(reply.count);
  return kSuccess;
}
