#include "tests/integration/harness/backend_process.h"

#include <csignal>
#include <unordered_map>

#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "proxy/net/socket.h"
#include "tests/integration/harness/frame.h"
#include "tests/integration/harness/http.h"

namespace hawser::integration {

// In the child: takes what came, and answers in the backend's manner.
class BackendProcess::Connection {
 public:
  Connection(net::Socket socket, const BackendProcess& backend)
      : socket_(std::move(socket)), backend_(backend) {}
  ~Connection() {
    if (tunnel_) --backend_.shared_->tunnels;
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // False when the connection is over.
  bool OnReadable();
  void Close() {
    if (tunnel_) Send(Encode({.opcode = kClose, .payload = ClosePayload(1001)}));
  }

 private:
  bool AnswerRequest();
  bool AnswerHandshake(const Head& head);
  bool AnswerFrames();
  bool Send(std::string_view bytes);

  net::Socket socket_;
  const BackendProcess& backend_;
  std::string received_;
  bool tunnel_ = false;
};

bool BackendProcess::Connection::OnReadable() {
  char bytes[65536];
  const ssize_t count = recv(socket_.fd(), bytes, sizeof bytes, MSG_DONTWAIT);
  if (count <= 0) return count < 0 && errno == EAGAIN;
  received_.append(bytes, static_cast<size_t>(count));
  if (!tunnel_ && !AnswerRequest()) return false;
  return !tunnel_ || AnswerFrames();
}

bool BackendProcess::Connection::AnswerRequest() {
  while (!tunnel_) {
    const size_t end = received_.find("\r\n\r\n");
    if (end == std::string::npos) return true;
    const Head head = ParseHead(received_.substr(0, end + 4));
    received_.erase(0, end + 4);
    const Manner manner = backend_.shared_->manner;
    if (head.Has("Sec-WebSocket-Key")) {
      if (!AnswerHandshake(head)) return false;
    } else {
      ++backend_.shared_->requests;
      if (manner == Manner::kSilent) continue;
      const bool refuses = manner == Manner::kRefuses;
      if (!Send(Response(refuses ? "503 Service Unavailable" : "200 OK", backend_.name_))) return false;
    }
  }
  return true;
}

bool BackendProcess::Connection::AnswerHandshake(const Head& head) {
  backend_.CountHandshake();
  switch (backend_.shared_->manner) {
    case Manner::kSilent:
    case Manner::kDeadWebSockets: return true;
    case Manner::kRefuses: return Send(Response("503 Service Unavailable", backend_.name_));
    case Manner::kWell:
    case Manner::kResetsTunnels: break;
  }
  const bool resets = backend_.shared_->manner == Manner::kResetsTunnels;
  Send(SwitchingProtocols(head, {{"X-Backend", backend_.name_}}));
  if (resets) {
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    setsockopt(socket_.fd(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    return false;
  }
  tunnel_ = true;
  ++backend_.shared_->tunnels;
  return true;
}

bool BackendProcess::Connection::AnswerFrames() {
  size_t taken = 0;
  Frame frame;
  bool closes = false;
  std::string answer;
  while (const size_t length = ParseFrame(std::string_view(received_).substr(taken), frame)) {
    taken += length;
    if (frame.opcode == kPong) continue;
    if (frame.opcode == kPing) frame.opcode = kPong;
    closes = closes || frame.opcode == kClose;
    answer += Encode(frame);
  }
  received_.erase(0, taken);
  return Send(answer) && !closes;
}

// Tests send little: what does not fit into the socket's buffer ends the connection.
bool BackendProcess::Connection::Send(std::string_view bytes) {
  return send(socket_.fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size());
}

void BackendProcess::Unmap::operator()(Shared* shared) const {
  munmap(shared, sizeof *shared);
}

BackendProcess::BackendProcess(std::string name, const std::string& address)
    : name_(std::move(name)), address_(address) {
  void* memory = mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  shared_.reset(new (memory) Shared());
  Start();
}

void BackendProcess::Start() {
  auto listener = net::Listen(*net::SocketAddress::Parse(address_), {.backlog = 4096});
  if (!listener.ok()) {
    ADD_FAILURE() << address_ << ": " << listener.status().message();
    return;
  }
  address_ = net::LocalAddress(*listener)->ToString();
  shared_->stop = false;
  shared_->tunnels = 0;
  pid_ = fork();
  if (pid_ == 0) Run(listener->fd());
}

void BackendProcess::Kill() {
  if (pid_ < 0) return;
  kill(pid_, SIGKILL);
  Await();
  shared_->tunnels = 0;
}

void BackendProcess::Stop() {
  if (pid_ < 0) return;
  shared_->stop = true;
  Await();
}

void BackendProcess::Await() {
  int status = 0;
  while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
}

void BackendProcess::CountHandshake() const {
  const auto number = static_cast<size_t>(shared_->handshakes.load());
  if (number < kMostTimes) shared_->times[number] = Clock::now().time_since_epoch().count();
  ++shared_->handshakes;
}

std::vector<Clock::time_point> BackendProcess::handshake_times() const {
  std::vector<Clock::time_point> times;
  const size_t count = std::min<size_t>(static_cast<size_t>(handshakes()), kMostTimes);
  for (size_t i = 0; i < count; ++i) times.emplace_back(Clock::duration(shared_->times[i].load()));
  return times;
}

// The child of fork: it keeps nothing of its parent's but the listener, so that what the parent closes is
// closed.
void BackendProcess::Run(int listener) const {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  const int own = dup2(listener, 3);
  close_range(4, ~0U, 0);
  const int epoll = epoll_create1(0);
  const auto watch = [epoll](int fd) {
    epoll_event event{.events = EPOLLIN, .data = {.fd = fd}};
    epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
  };
  watch(own);
  std::unordered_map<int, std::unique_ptr<Connection>> connections;
  while (!shared_->stop) {
    epoll_event events[256];
    const int count = epoll_wait(epoll, events, 256, 5);
    for (int i = 0; i < count; ++i) {
      const int fd = events[i].data.fd;
      if (fd != own) {
        if (!connections.at(fd)->OnReadable()) connections.erase(fd);
        continue;
      }
      for (int more = 0; more < 64; ++more) {
        net::Socket socket(accept4(own, nullptr, nullptr, SOCK_NONBLOCK));
        if (!socket.open()) break;
        const int connected = socket.fd();
        watch(connected);
        connections[connected] = std::make_unique<Connection>(std::move(socket), *this);
      }
    }
  }
  for (auto& [fd, connection] : connections) connection->Close();
  connections.clear();
  _exit(0);
}

}  // namespace hawser::integration
