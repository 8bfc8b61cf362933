#include "tests/integration/harness/checked_backend.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <cerrno>
#include <list>
#include <string_view>
#include <utility>

#include "tests/integration/harness/frame.h"

namespace hawser::integration {

class CheckedBackend::Connection {
 public:
  Connection(net::Socket socket, CheckedBackend& backend) : socket_(std::move(socket)), backend_(backend) {}

  int fd() const { return socket_.fd(); }
  short events() const { return static_cast<short>(unsent_.empty() ? POLLIN : POLLIN | POLLOUT); }
  // False: it is over.
  bool OnReady() {
    char bytes[4096];
    const ssize_t count = recv(fd(), bytes, sizeof bytes, MSG_DONTWAIT);
    if (count == 0 || (count < 0 && errno != EAGAIN)) return false;
    if (count > 0) received_.append(bytes, static_cast<size_t>(count));
    if (!tunnel_) TakeHead();
    if (tunnel_) TakeFrames();
    return Flush();
  }

 private:
  void TakeHead() {
    const size_t end = received_.find("\r\n\r\n");
    if (end == received_.npos) return;
    const Head head = ParseHead(received_.substr(0, end + 4));
    received_.erase(0, end + 4);
    unsent_ += backend_.Answer(head);
    tunnel_ = unsent_.starts_with("HTTP/1.1 101 ");
  }

  void TakeFrames() {
    size_t taken = 0;
    Frame frame;
    while (const size_t length = ParseFrame(std::string_view(received_).substr(taken), frame)) {
      taken += length;
      if (frame.opcode == kPong || (frame.opcode == kPing && !backend_.pongs)) continue;
      if (frame.opcode == kPing) frame.opcode = kPong;
      if (frame.opcode == kClose) {
        closing_ = true;
        backend_.closes_ += frame.close_code() == 1000;
      }
      unsent_ += Encode(frame);
    }
    received_.erase(0, taken);
  }

  bool Flush() {
    while (!unsent_.empty()) {
      const ssize_t count = send(fd(), unsent_.data(), unsent_.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
      if (count < 0) return errno == EAGAIN;
      unsent_.erase(0, static_cast<size_t>(count));
    }
    return !closing_;
  }

  net::Socket socket_;
  CheckedBackend& backend_;
  std::string received_;
  std::string unsent_;
  bool tunnel_ = false;
  bool closing_ = false;
};

CheckedBackend::CheckedBackend(const std::string& address)
    : listener_(address), stop_(eventfd(0, EFD_CLOEXEC)), thread_([this] { Run(); }) {}

CheckedBackend::~CheckedBackend() {
  eventfd_write(stop_.fd(), 1);
  thread_.join();
}

void CheckedBackend::Play(std::vector<int> statuses) {
  const std::lock_guard lock(mutex_);
  script_.assign(statuses.rbegin(), statuses.rend());
}

Head CheckedBackend::last() const {
  const std::lock_guard lock(mutex_);
  return last_;
}

std::string CheckedBackend::Answer(const Head& head) {
  const std::lock_guard lock(mutex_);
  last_ = head;
  if (head.Has("Sec-WebSocket-Key")) {
    ++handshakes_;
    return websockets ? SwitchingProtocols(head) : Response("503 Busy", "");
  }
  ++requests_;
  int code = status;
  if (!script_.empty()) {
    code = script_.back();
    script_.pop_back();
  }
  return code == 0 ? "" : Response(std::to_string(code) + " Whatever", code == 204 ? "" : "body");
}

void CheckedBackend::Run() {
  std::list<Connection> connections;
  std::vector<pollfd> descriptors;
  while (true) {
    descriptors = {{stop_.fd(), POLLIN, 0}, {listener_.fd(), POLLIN, 0}};
    for (const Connection& connection : connections)
      descriptors.push_back({connection.fd(), connection.events(), 0});
    poll(descriptors.data(), descriptors.size(), -1);
    if (descriptors[0].revents != 0) return;
    size_t index = 2;
    for (auto it = connections.begin(); it != connections.end(); ++index) {
      const bool over = descriptors[index].revents != 0 && !it->OnReady();
      it = over ? connections.erase(it) : std::next(it);
    }
    if (descriptors[1].revents == 0) continue;
    net::Socket socket(accept4(listener_.fd(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!socket.open()) continue;
    ++connections_;
    connections.emplace_back(std::move(socket), *this);
  }
}

}  // namespace hawser::integration
