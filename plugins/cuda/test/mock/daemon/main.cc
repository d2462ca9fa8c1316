// fake-gpud DIR --device UUID,NAME,BYTES[,NODE] ... : the fake GPU daemon.
// Listens on DIR/gpu.sock and DIR/control.sock, prints READY, and ends when its standard input does.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <sstream>
#include <thread>

#include "daemon.h"
#include "io.h"

namespace {

[[noreturn]] void refuse(const std::string &why) {
  fprintf(stderr, "fake-gpud: %s\n", why.c_str());
  exit(2);
}

void make_node(const char *path) {
  int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (fd < 0) refuse(std::string("cannot make the node ") + path + ": " + strerror(errno));
  fchmod(fd, 0666);
  close(fd);
}

DeviceState parse_device(const std::string &text, const std::string &folder, size_t index) {
  std::vector<std::string> parts;
  std::istringstream stream(text);
  for (std::string part; std::getline(stream, part, ',');) parts.push_back(part);
  DeviceState device;
  device.info = {};
  if (parts.size() < 3 || !parse_uuid(parts[0], device.info.uuid)) refuse("--device wants UUID,NAME,BYTES[,NODE], not " + text);
  device.info.memory = strtoull(parts[2].c_str(), nullptr, 10);
  std::string node = parts.size() > 3 ? parts[3] : folder + "/nvidia" + std::to_string(index);
  if (parts[1].size() >= sizeof device.info.name || node.size() >= sizeof device.info.node) refuse("too long: " + text);
  strcpy(device.info.name, parts[1].c_str());
  strcpy(device.info.node, node.c_str());
  // A node that was named stays as it is: it may be missing on purpose.
  if (parts.size() <= 3) make_node(device.info.node);
  return device;
}

int listen_at(const std::string &path) {
  sockaddr_un address;
  if (!unix_address(path.c_str(), &address)) refuse("too long for a unix socket: " + path);
  unlink(path.c_str());
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0 || bind(fd, reinterpret_cast<sockaddr *>(&address), sizeof address) != 0 || listen(fd, 64) != 0)
    refuse("cannot listen on " + path + ": " + strerror(errno));
  // Anybody may connect, as with device nodes of mode 0666.
  chmod(path.c_str(), 0777);
  return fd;
}

void accept_for_ever(Daemon &daemon, int listener, void (*serve)(Daemon &, int)) {
  for (;;) {
    int fd = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd >= 0) std::thread(serve, std::ref(daemon), fd).detach();
  }
}

}  // namespace

int main(int argc, char **argv) {
  if (argc < 4) refuse("fake-gpud DIR --device UUID,NAME,BYTES[,NODE] ...");
  std::string folder = argv[1];
  static Daemon daemon;
  for (int i = 2; i + 1 < argc; i += 2) {
    if (strcmp(argv[i], "--device") != 0) refuse(std::string("unknown option ") + argv[i]);
    if (daemon.devices.size() == kMaxDevices) refuse("at most 8 devices");
    daemon.devices.push_back(parse_device(argv[i + 1], folder, daemon.devices.size()));
  }
  int gpu = listen_at(folder + "/gpu.sock");
  int control = listen_at(folder + "/control.sock");
  std::thread([gpu] { accept_for_ever(daemon, gpu, serve_gpu); }).detach();
  std::thread([control] { accept_for_ever(daemon, control, serve_control); }).detach();
  if (write(STDOUT_FILENO, "READY\n", 6) != 6) return 1;
  for (char c; read(STDIN_FILENO, &c, 1) > 0 || errno == EINTR;) {
  }
  // Threads that wait for ever are of no interest any more.
  _exit(0);
}
