#include "tests/integration/harness/crowd.h"

#include <algorithm>

#include <sys/epoll.h>
#include <sys/socket.h>

#include <gtest/gtest.h>

#include "tests/integration/harness/frame.h"

namespace hawser::integration {

Crowd::Crowd(std::string address, CrowdOptions options)
    : address_(std::move(address)), options_(std::move(options)), epoll_(epoll_create1(EPOLL_CLOEXEC)) {}

Crowd::~Crowd() = default;

void Crowd::Add(int count) {
  for (int i = 0; i < count; ++i) {
    clients_.emplace_back();
    lines_.emplace_back();
    Begin(clients_.size() - 1);
  }
}

void Crowd::Begin(size_t client) {
  auto socket = net::Connect(*net::SocketAddress::Parse(address_));
  if (!socket.ok()) {
    ADD_FAILURE() << socket.status().message();
    return;
  }
  lines_[client] = Line{.socket = *std::move(socket)};
  epoll_event event{.events = EPOLLOUT, .data = {.u64 = client}};
  epoll_ctl(epoll_.fd(), EPOLL_CTL_ADD, lines_[client].socket.fd(), &event);
}

void Crowd::Ask(size_t client) {
  Line& line = lines_[client];
  Request request = options_.request;
  if (!clients_[client].cookie.empty()) request.more.emplace_back("Cookie", clients_[client].cookie);
  const std::string text = request.Text();
  line.asked = true;
  epoll_event event{.events = EPOLLIN, .data = {.u64 = client}};
  epoll_ctl(epoll_.fd(), EPOLL_CTL_MOD, line.socket.fd(), &event);
  if (send(line.socket.fd(), text.data(), text.size(), MSG_NOSIGNAL) < 0) End(client, false);
}

void Crowd::OnReadable(size_t client) {
  Line& line = lines_[client];
  char bytes[16384];
  const ssize_t count = recv(line.socket.fd(), bytes, sizeof bytes, MSG_DONTWAIT);
  if (count < 0 && errno == EAGAIN) return;
  if (count > 0) line.received.append(bytes, static_cast<size_t>(count));
  const bool goes_on = count > 0 && (line.tunnel || TakeHead(client)) && (!line.tunnel || TakeFrames(client));
  if (!goes_on) End(client, false);
}

bool Crowd::TakeHead(size_t client) {
  Line& line = lines_[client];
  Client& own = clients_[client];
  const size_t end = line.received.find("\r\n\r\n");
  if (end == std::string::npos) return true;
  const Head head = ParseHead(line.received.substr(0, end + 4));
  line.received.erase(0, end + 4);
  own.status = head.status();
  own.retry_after = head.Value("Retry-After");
  const std::string cookie = head.Value("Set-Cookie");
  if (!cookie.empty()) own.cookie = cookie.substr(0, cookie.find(';'));
  if (own.status != 101) return false;
  line.tunnel = own.open = true;
  ++own.opened;
  ++open_;
  own.opened_at = Clock::now();
  own.backend = head.Value("X-Backend");
  own.backends += own.backend + " ";
  return true;
}

bool Crowd::TakeFrames(size_t client) {
  Line& line = lines_[client];
  size_t taken = 0;
  Frame frame;
  bool closed = false;
  while (const size_t length = ParseFrame(std::string_view(line.received).substr(taken), frame)) {
    taken += length;
    if (frame.opcode == kText) ++echoes_;
    closed = closed || frame.opcode == kClose;
    if (frame.opcode == kClose) clients_[client].close_code = frame.close_code();
    if (frame.opcode != kPing && frame.opcode != kClose) continue;
    if (frame.opcode == kPing) frame.opcode = kPong;
    const std::string answer = EncodeMasked(frame);
    send(line.socket.fd(), answer.data(), answer.size(), MSG_NOSIGNAL);
  }
  line.received.erase(0, taken);
  return !closed;
}

void Crowd::End(size_t client, bool left) {
  Line& line = lines_[client];
  Client& own = clients_[client];
  if (line.tunnel) --open_;
  if (!left) ++(line.tunnel ? own.ended : own.refused);
  own.open = false;
  line = Line();
  if (options_.comes_back && !left) coming_back_.emplace_back(Clock::now() + options_.pause, client);
}

void Crowd::Turn(std::chrono::milliseconds wait) {
  const auto now = Clock::now();
  while (!coming_back_.empty() && coming_back_.front().first <= now) {
    Begin(coming_back_.front().second);
    coming_back_.pop_front();
  }
  if (!coming_back_.empty()) {
    const auto next = std::chrono::ceil<std::chrono::milliseconds>(coming_back_.front().first - now);
    wait = std::min(wait, next);
  }
  epoll_event events[512];
  const int count = epoll_wait(epoll_.fd(), events, 512, static_cast<int>(wait.count()));
  for (int i = 0; i < count; ++i) {
    const size_t client = events[i].data.u64;
    if (!lines_[client].socket.open()) continue;
    lines_[client].asked ? OnReadable(client) : Ask(client);
  }
}

bool Crowd::RunUntil(const std::function<bool()>& condition) {
  for (const Deadline deadline; !deadline.expired();) {
    if (condition()) return true;
    Turn(std::chrono::milliseconds(5));
  }
  return condition();
}

int Crowd::Echoes() {
  echoes_ = 0;
  int sent = 0;
  const std::string message = EncodeMasked({.payload = "there and back"});
  for (const Line& line : lines_) {
    if (!line.tunnel) continue;
    const ssize_t taken = send(line.socket.fd(), message.data(), message.size(), MSG_NOSIGNAL);
    sent += taken == static_cast<ssize_t>(message.size()) ? 1 : 0;
  }
  RunUntil([&] { return echoes_ >= sent; });
  return echoes_;
}

void Crowd::Leave(size_t client) {
  Line& line = lines_[client];
  if (line.tunnel) {
    const std::string close = EncodeMasked({.opcode = kClose, .payload = ClosePayload(1000)});
    send(line.socket.fd(), close.data(), close.size(), MSG_NOSIGNAL);
  }
  if (line.socket.open()) End(client, true);
}

void Crowd::LeaveAll() {
  for (size_t client = 0; client < lines_.size(); ++client) Leave(client);
}

int Crowd::open_at(const std::string& backend) const {
  return static_cast<int>(std::count_if(clients_.begin(), clients_.end(), [&backend](const Client& one) {
    return one.open && one.backend == backend;
  }));
}

}  // namespace hawser::integration
