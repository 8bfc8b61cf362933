#include "tests/integration/harness/fake_backend.h"

#include <list>

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include "tests/integration/harness/frame.h"

namespace hawser::integration {
namespace {

bool Readable(int fd, int wait_ms) {
  pollfd descriptor{.fd = fd, .events = POLLIN, .revents = 0};
  return poll(&descriptor, 1, wait_ms) > 0;
}

// One connection of an EchoBackend: takes what came, and says what to answer.
class EchoConnection {
 public:
  EchoConnection(net::Socket socket, const std::string& name) : socket_(std::move(socket)), name_(name) {}

  int fd() const { return socket_.fd(); }
  short events() const {
    const int reading = unsent_.size() < kBacklog ? POLLIN : 0;
    return static_cast<short>(reading | (unsent_.empty() ? 0 : POLLOUT));
  }
  // False when the connection is over.
  bool OnReady(std::atomic<int>& requests);

 private:
  static constexpr size_t kBacklog = 1 << 20;
  void TakeHead(std::atomic<int>& requests);
  void TakeFrames();
  bool Flush();

  net::Socket socket_;
  const std::string& name_;
  std::string received_;
  std::string unsent_;
  bool tunnel_ = false;
  bool closing_ = false;
};

bool EchoConnection::OnReady(std::atomic<int>& requests) {
  char bytes[65536];
  const ssize_t count = recv(fd(), bytes, sizeof bytes, MSG_DONTWAIT);
  if (count == 0 || (count < 0 && errno != EAGAIN)) return false;
  if (count > 0) received_.append(bytes, static_cast<size_t>(count));
  if (!tunnel_) TakeHead(requests);
  if (tunnel_) TakeFrames();
  return Flush();
}

void EchoConnection::TakeHead(std::atomic<int>& requests) {
  const size_t end = received_.find("\r\n\r\n");
  if (end == std::string::npos) return;
  const Head head = ParseHead(received_.substr(0, end + 4));
  received_.erase(0, end + 4);
  ++requests;
  tunnel_ = head.Has("Sec-WebSocket-Key");
  unsent_ += tunnel_ ? SwitchingProtocols(head, {{"X-Backend", name_}}) : Response("200 OK", name_);
}

// Whole frames only: what is not whole waits in received_.
void EchoConnection::TakeFrames() {
  size_t taken = 0;
  Frame frame;
  while (const size_t length = ParseFrame(std::string_view(received_).substr(taken), frame)) {
    taken += length;
    if (frame.opcode == kPong) continue;
    if (frame.opcode == kPing) frame.opcode = kPong;
    if (frame.opcode == kClose) closing_ = true;
    unsent_ += Encode(frame);
  }
  received_.erase(0, taken);
}

bool EchoConnection::Flush() {
  while (!unsent_.empty()) {
    const ssize_t count = send(fd(), unsent_.data(), unsent_.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (count < 0) return errno == EAGAIN;
    unsent_.erase(0, static_cast<size_t>(count));
  }
  return !closing_;
}

}  // namespace

FakeBackend::FakeBackend(const std::string& address, int backlog) {
  const auto parsed = net::SocketAddress::Parse(address);
  auto socket = net::Listen(*parsed, {.backlog = backlog});
  if (!socket.ok()) {
    ADD_FAILURE() << address << ": " << socket.status().message();
    return;
  }
  socket_ = *std::move(socket);
  address_ = net::LocalAddress(socket_)->ToString();
}

bool FakeBackend::contacted() const {
  return Readable(socket_.fd(), 0);
}

Wire FakeBackend::Accept() {
  if (!Readable(socket_.fd(), Deadline().left_ms())) {
    ADD_FAILURE() << "deadline: nobody connected to the backend";
    return {};
  }
  return Wire(net::Socket(accept4(socket_.fd(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)));
}

EchoBackend::EchoBackend(std::string name, const std::string& address)
    : name_(std::move(name)),
      listener_(address),
      stop_(eventfd(0, EFD_CLOEXEC)),
      thread_([this] { Run(); }) {}

EchoBackend::~EchoBackend() {
  eventfd_write(stop_.fd(), 1);
  thread_.join();
}

void EchoBackend::Run() {
  std::list<EchoConnection> connections;
  std::vector<pollfd> descriptors;
  while (true) {
    descriptors = {{stop_.fd(), POLLIN, 0}, {listener_.fd(), POLLIN, 0}};
    for (const EchoConnection& connection : connections) {
      descriptors.push_back({connection.fd(), connection.events(), 0});
    }
    poll(descriptors.data(), descriptors.size(), -1);
    if (descriptors[0].revents != 0) return;
    size_t index = 2;
    for (auto it = connections.begin(); it != connections.end(); ++index) {
      const bool over = descriptors[index].revents != 0 && !it->OnReady(requests_);
      it = over ? connections.erase(it) : std::next(it);
    }
    if (descriptors[1].revents != 0) {
      net::Socket socket(accept4(listener_.fd(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
      if (socket.open()) connections.emplace_back(std::move(socket), name_);
    }
    open_ = static_cast<int>(connections.size());
  }
}

}  // namespace hawser::integration
