// One link of a process that holds GPUs.
#include <unistd.h>

#include <chrono>
#include <thread>

#include "daemon.h"
#include "io.h"

namespace {

constexpr uint64_t kBuffer = 256 << 10;

struct Session {
  Daemon &daemon;
  int fd;
  uint64_t client = 0;
  std::string group;
};

int peer_pid(int fd) {
  ucred peer{};
  socklen_t size = sizeof peer;
  getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size);
  return peer.pid;
}

void sleep_ms(uint32_t ms) { std::this_thread::sleep_for(std::chrono::milliseconds(ms)); }

bool reply_with(const Session &session, CUresult code, uint64_t value = 0, uint64_t value2 = 0, uint32_t count = 0) {
  GpuReply reply{code, count, value, value2};
  return send_all(session.fd, &reply, sizeof reply);
}

bool known_device(Daemon &daemon, const GpuRequest &request) {
  return request.device >= 0 && static_cast<size_t>(request.device) < daemon.devices.size();
}

void close_pieces(const std::vector<Piece> &pieces) {
  for (const Piece &piece : pieces) close(piece.memfd);
}

std::vector<Piece> pieces_for(const Session &session, const GpuRequest &request) {
  std::lock_guard<std::mutex> guard(session.daemon.mutex);
  return pieces_of(session.daemon, session.client, request.handle, request.offset, request.size);
}

// Goes over a range in buffers. `use` gets the bytes as they are and returns whether to go on; with `store` they are written back.
template <typename Use>
bool each_buffer(const std::vector<Piece> &pieces, bool load, bool store, Use use) {
  std::vector<char> buffer(kBuffer);
  for (const Piece &piece : pieces) {
    for (uint64_t at = 0; at < piece.size; at += kBuffer) {
      size_t size = static_cast<size_t>(piece.size - at < kBuffer ? piece.size - at : kBuffer);
      auto offset = static_cast<off_t>(piece.offset + at);
      if (load && pread(piece.memfd, buffer.data(), size, offset) != static_cast<ssize_t>(size)) return false;
      if (!use(buffer.data(), size)) return false;
      if (store && pwrite(piece.memfd, buffer.data(), size, offset) != static_cast<ssize_t>(size)) return false;
    }
  }
  return true;
}

bool serve_read(const Session &session, const GpuRequest &request) {
  std::vector<Piece> pieces = pieces_for(session, request);
  if (pieces.empty()) return reply_with(session, kInvalidValue);
  bool sent = reply_with(session, kSuccess, request.size) &&
              each_buffer(pieces, true, false, [&](char *data, size_t size) { return send_all(session.fd, data, size); });
  close_pieces(pieces);
  return sent;
}

bool swallow(int fd, uint64_t size) {
  std::vector<char> buffer(kBuffer);
  for (uint64_t part; size > 0; size -= part) {
    part = size < kBuffer ? size : kBuffer;
    if (!read_all(fd, buffer.data(), static_cast<size_t>(part))) return false;
  }
  return true;
}

bool serve_write(const Session &session, const GpuRequest &request) {
  std::vector<Piece> pieces = pieces_for(session, request);
  if (pieces.empty()) return swallow(session.fd, request.size) && reply_with(session, kInvalidValue);
  bool taken = each_buffer(pieces, false, true, [&](char *data, size_t size) { return read_all(session.fd, data, size); });
  close_pieces(pieces);
  return taken && reply_with(session, kSuccess);
}

bool serve_change(const Session &session, const GpuRequest &request) {
  std::vector<Piece> pieces = pieces_for(session, request);
  if (pieces.empty()) return reply_with(session, kInvalidValue);
  bool add = request.op == GpuOp::kAdd;
  if (add) sleep_ms(request.delay_ms);
  each_buffer(pieces, add, true, [&](char *data, size_t size) {
    for (size_t i = 0; i < size; i++) data[i] = static_cast<char>((add ? data[i] : 0) + static_cast<int>(request.value));
    return true;
  });
  close_pieces(pieces);
  if (add) {
    std::lock_guard<std::mutex> guard(session.daemon.mutex);
    record(session.daemon, "{\"what\":\"kernel\",\"pid\":%d}", peer_pid(session.fd));
  }
  return reply_with(session, kSuccess);
}

bool serve_devices(const Session &session) {
  std::vector<GpuDevice> devices;
  {
    std::lock_guard<std::mutex> guard(session.daemon.mutex);
    for (const DeviceState &device : session.daemon.devices) devices.push_back(device.info);
  }
  return reply_with(session, kSuccess, 0, 0, static_cast<uint32_t>(devices.size())) &&
         send_all(session.fd, devices.data(), devices.size() * sizeof devices[0]);
}

bool serve_hello(Session &session, const GpuRequest &request) {
  if (request.value == 0 || session.client != 0) return reply_with(session, kInvalidValue);
  std::lock_guard<std::mutex> guard(session.daemon.mutex);
  session.client = request.value;
  session.group = std::string(request.text, strnlen(request.text, sizeof request.text));
  Client &client = session.daemon.clients[session.client];
  client.links++;
  client.pid = peer_pid(session.fd);
  group_connected(session.daemon, session.group, session.client, client.pid);
  return reply_with(session, kSuccess);
}

bool serve_attach(const Session &session, const GpuRequest &request) {
  uint32_t delay = 0;
  {
    std::lock_guard<std::mutex> guard(session.daemon.mutex);
    if (!known_device(session.daemon, request)) return reply_with(session, kInvalidDevice);
    DeviceState &device = session.daemon.devices[static_cast<size_t>(request.device)];
    device.attaches++;
    delay = device.attach_ms;
    record(session.daemon, "{\"what\":\"attach\",\"pid\":%d,\"device\":%d}", peer_pid(session.fd), request.device);
  }
  sleep_ms(delay);
  return reply_with(session, kSuccess);
}

bool serve_memory_info(const Session &session, const GpuRequest &request) {
  std::lock_guard<std::mutex> guard(session.daemon.mutex);
  if (!known_device(session.daemon, request)) return reply_with(session, kInvalidDevice);
  const DeviceState &device = session.daemon.devices[static_cast<size_t>(request.device)];
  uint64_t left = device.used > device.info.memory ? 0 : device.info.memory - device.used;
  return reply_with(session, kSuccess, left, device.info.memory);
}

bool serve_group(const Session &session, const GpuRequest &request) {
  std::unique_lock<std::mutex> lock(session.daemon.mutex);
  uint64_t ordinal = request.value;
  CUresult code = kSuccess;
  if (request.op == GpuOp::kGroupEnd) group_end(session.daemon, session.group, session.client, request);
  else code = group_begin(session.daemon, lock, session.group, session.client, request, &ordinal);
  return reply_with(session, code, ordinal);
}

bool serve_small(const Session &session, const GpuRequest &request) {
  std::lock_guard<std::mutex> guard(session.daemon.mutex);
  uint64_t value = 0, value2 = 0;
  CUresult code = kSuccess;
  if (request.op == GpuOp::kAlloc) code = allocate_memory(session.daemon, session.client, request, &value);
  if (request.op == GpuOp::kFree) code = free_memory(session.daemon, session.client, request.handle);
  if (request.op == GpuOp::kExport) value = export_region(session.daemon, session.client, request.device, &value2);
  if (request.op == GpuOp::kUnexport) session.daemon.regions.erase(request.handle);
  return reply_with(session, code, value, value2);
}

bool serve_one(Session &session, const GpuRequest &request) {
  if (session.client == 0 && request.op != GpuOp::kHello) return false;
  switch (request.op) {
    case GpuOp::kHello:
      return serve_hello(session, request);
    case GpuOp::kDevices:
      return serve_devices(session);
    case GpuOp::kAttach:
      return serve_attach(session, request);
    case GpuOp::kRead:
      return serve_read(session, request);
    case GpuOp::kWrite:
      return serve_write(session, request);
    case GpuOp::kSet8:
    case GpuOp::kAdd:
      return serve_change(session, request);
    case GpuOp::kMemInfo:
      return serve_memory_info(session, request);
    case GpuOp::kGroupBegin:
    case GpuOp::kGroupEnd:
      return serve_group(session, request);
    case GpuOp::kAlloc:
    case GpuOp::kFree:
    case GpuOp::kExport:
    case GpuOp::kUnexport:
      return serve_small(session, request);
  }
  return false;
}

}  // namespace

void serve_gpu(Daemon &daemon, int fd) {
  Session session{daemon, fd, 0, ""};
  for (GpuRequest request; read_all(fd, &request, sizeof request) && serve_one(session, request);) {
  }
  close(fd);
  std::lock_guard<std::mutex> guard(daemon.mutex);
  group_gone(daemon, session.group, session.client);
  auto client = daemon.clients.find(session.client);
  if (client == daemon.clients.end() || --client->second.links > 0) return;
  // The last link is gone: the process has ended, or it is checkpointed and has freed everything itself.
  free_all(daemon, session.client);
  daemon.clients.erase(client);
}
