// The mode `backend`: a WebSocket server that echoes every frame as it comes, unmasked, piece by piece,
// answers pings and closes, and ends the connection once both Close frames have passed. Several addresses,
// several processes (which share the addresses by SO_REUSEPORT), with or without TLS. It stops reading from a
// peer that does not read. Where it takes commands, a text message `send N` asks it for N bytes of messages.
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <unordered_map>

#include <sys/prctl.h>

#include "bench/load/frame.h"
#include "bench/load/handshake.h"
#include "bench/load/options.h"
#include "bench/load/poller.h"
#include "bench/load/transport.h"
#include "fmt/format.h"
#include "fmt/ranges.h"
#include "proxy/base/status_macros.h"

namespace hawser::bench {
namespace {

class Echoing;

constexpr size_t kBulkBytes = 64 * 1024;  // payload of a message that a command asked for

// One process of the backend and what its connections share.
class Backend {
 public:
  Backend(std::unique_ptr<TlsContext> tls, bool commands) : tls_(std::move(tls)), commands_(commands) {
    AppendHeader(bulk_, Opcode::kBinary, true, kBulkBytes, nullptr);
    bulk_.resize(bulk_.size() + kBulkBytes);
  }

  void Run(std::vector<net::Socket> listening);
  void Accept(net::Socket socket);
  void Remove(int fd) { connections_.erase(fd); }

  Poller& poller() { return poller_; }
  Scratch& scratch() { return scratch_; }
  std::vector<std::byte>& reply() { return reply_; }
  bool commands() const { return commands_; }
  std::span<const std::byte> bulk() const { return bulk_; }

 private:
  std::unique_ptr<TlsContext> tls_;
  const bool commands_;
  std::vector<std::byte> bulk_;  // one message, header and all
  Poller poller_;
  Scratch scratch_;
  std::vector<std::byte> reply_;  // of the connection that is being served
  std::unordered_map<int, std::unique_ptr<Echoing>> connections_;
};

class Listener : public Target {
 public:
  Listener(Backend& backend, net::Socket socket) : backend_(backend), socket_(std::move(socket)) {}
  int fd() const { return socket_.fd(); }

  void OnReady(uint32_t) override {
    net::SocketAddress peer;
    while (true) {
      net::Socket socket = net::Accept(socket_, peer);
      if (!socket.open()) return;
      backend_.Accept(std::move(socket));
    }
  }

 private:
  Backend& backend_;
  net::Socket socket_;
};

class Echoing : public Target {
 public:
  Echoing(Backend& backend, net::Socket socket, TlsContext* tls)
      : backend_(backend), transport_(backend.scratch(), std::move(socket), tls, "") {}

  int fd() const { return transport_.fd(); }
  void OnReady(uint32_t events) override;

 private:
  void Take(std::span<std::byte> bytes);
  void TakeHead(std::span<std::byte>& bytes);
  void Append(const FrameReader::Piece& piece);
  bool Obey(const FrameReader::Piece& piece);
  // Whether something is left to be sent.
  bool sending() const { return transport_.blocked() || !tail_.empty() || bulk_left_ > 0; }
  void Send();
  void SendBulk();
  void UpdateInterest();

  Backend& backend_;
  Transport transport_;
  std::string head_;
  FrameReader reader_;
  // Of the reply, not yet taken by the transport; nothing is read while there is some.
  std::vector<std::byte> tail_;
  uint64_t bulk_left_ = 0;  // of the messages that were asked for, bytes with their headers
  uint32_t interest_ = EPOLLIN;
  bool upgraded_ = false;
  bool ending_ = false;  // all that is to be said is in the reply; the connection ends when it is sent
};

void Echoing::OnReady(uint32_t events) {
  backend_.reply().clear();
  const bool readable = (events & EPOLLIN) != 0;
  bool ended = (events & EPOLLERR) != 0 || ((events & EPOLLHUP) != 0 && !readable);
  if ((events & EPOLLOUT) != 0) transport_.Flush();
  if (readable && tail_.empty() && bulk_left_ == 0 && !ended) {
    const Transport::Received received = transport_.Receive();
    Take(received.bytes);
    ended = received.ended;
  }
  Send();
  SendBulk();
  if (!ended && (!ending_ || sending())) return UpdateInterest();
  transport_.Finish();
  backend_.Remove(fd());
}

void Echoing::Take(std::span<std::byte> bytes) {
  if (!upgraded_ && !bytes.empty()) TakeHead(bytes);
  FrameReader::Piece piece;
  while (!ending_ && reader_.Next(bytes, piece)) Append(piece);
}

// Plain requests may follow one another, each with its body; what lies behind an upgrade is left in `bytes`.
void Echoing::TakeHead(std::span<std::byte>& bytes) {
  head_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  for (size_t end = 0; !upgraded_ && !ending_ && (end = head_.find("\r\n\r\n")) != std::string::npos;) {
    const std::string_view head = std::string_view(head_).substr(0, end + 4);
    const size_t length = head.size() + BodyLength(head);
    if (head_.size() < length) break;
    const std::string answer = AnswerTo(head);
    const auto reply = std::as_bytes(std::span(answer));
    backend_.reply().insert(backend_.reply().end(), reply.begin(), reply.end());
    upgraded_ = answer.starts_with("HTTP/1.1 101");
    ending_ = answer.starts_with("HTTP/1.1 400");
    head_.erase(0, length);
  }
  bytes = bytes.last(upgraded_ ? head_.size() : 0);
  if (upgraded_) head_ = {};
}

// A ping becomes a pong, a pong nothing, every other frame itself.
void Echoing::Append(const FrameReader::Piece& piece) {
  if (piece.opcode == Opcode::kPong || Obey(piece)) return;
  std::vector<std::byte>& reply = backend_.reply();
  const Opcode opcode = piece.opcode == Opcode::kPing ? Opcode::kPong : piece.opcode;
  if (piece.first) AppendHeader(reply, opcode, piece.fin, piece.length, nullptr);
  reply.insert(reply.end(), piece.payload.begin(), piece.payload.end());
  ending_ = piece.opcode == Opcode::kClose && piece.last;
}

// Whether the frame was a command. A number that is none asks for nothing.
bool Echoing::Obey(const FrameReader::Piece& piece) {
  static constexpr std::string_view kSend = "send ";
  if (!backend_.commands() || piece.opcode != Opcode::kText || !piece.first || !piece.last) return false;
  const std::string_view text(reinterpret_cast<const char*>(piece.payload.data()), piece.payload.size());
  if (!text.starts_with(kSend)) return false;
  uint64_t bytes = 0;
  std::from_chars(text.data() + kSend.size(), text.data() + text.size(), bytes);
  bulk_left_ += (bytes + kBulkBytes - 1) / kBulkBytes * backend_.bulk().size();
  return true;
}

// A message a turn at most. Nothing is read until all are sent, so no reply comes between their bytes.
void Echoing::SendBulk() {
  if (bulk_left_ == 0 || !tail_.empty()) return;
  const std::span<const std::byte> message = backend_.bulk();
  const size_t left = (bulk_left_ - 1) % message.size() + 1;  // of the one that is being sent
  bulk_left_ -= transport_.Send(message.last(left));
}

void Echoing::Send() {
  std::vector<std::byte>& reply = backend_.reply();
  if (tail_.empty()) tail_.swap(reply);
  const size_t sent = tail_.empty() ? 0 : transport_.Send(tail_);
  if (sent < tail_.size()) {
    tail_.erase(tail_.begin(), tail_.begin() + static_cast<ptrdiff_t>(sent));
    return;
  }
  tail_.clear();
  if (reply.capacity() < tail_.capacity()) reply.swap(tail_);
}

void Echoing::UpdateInterest() {
  const uint32_t wanted = sending() ? EPOLLOUT : EPOLLIN;
  if (wanted == interest_) return;
  interest_ = wanted;
  backend_.poller().Modify(fd(), *this, wanted);
}

void Backend::Accept(net::Socket socket) {
  auto connection = std::make_unique<Echoing>(*this, std::move(socket), tls_.get());
  poller_.Add(connection->fd(), *connection, EPOLLIN);
  connections_[connection->fd()] = std::move(connection);
}

void Backend::Run(std::vector<net::Socket> listening) {
  std::vector<std::unique_ptr<Listener>> listeners;
  for (net::Socket& socket : listening) {
    listeners.push_back(std::make_unique<Listener>(*this, std::move(socket)));
    poller_.Add(listeners.back()->fd(), *listeners.back(), EPOLLIN);
  }
  while (true) poller_.Turn(kNever);
}

absl::StatusOr<std::vector<net::Socket>> ListenOn(const std::vector<std::string>& addresses) {
  std::vector<net::Socket> sockets;
  for (const std::string& text : addresses) {
    HAWSER_ASSIGN_OR_RETURN(const net::SocketAddress address, net::SocketAddress::Parse(text));
    HAWSER_ASSIGN_OR_RETURN(net::Socket socket, net::Listen(address, {.reuse_port = true}));
    sockets.push_back(std::move(socket));
  }
  return sockets;
}

// The addresses with the ports that 0 became.
absl::StatusOr<std::vector<std::string>> Bound(const std::vector<net::Socket>& sockets) {
  std::vector<std::string> addresses;
  for (const net::Socket& socket : sockets) {
    HAWSER_ASSIGN_OR_RETURN(const net::SocketAddress address, net::LocalAddress(socket));
    addresses.push_back(address.ToString());
  }
  return addresses;
}

// Gives a further process listening sockets of its own; a Unix socket it shares.
absl::Status ListenAgain(const std::vector<std::string>& addresses, std::vector<net::Socket>& sockets) {
  for (size_t i = 0; i < addresses.size(); ++i) {
    HAWSER_ASSIGN_OR_RETURN(const net::SocketAddress address, net::SocketAddress::Parse(addresses[i]));
    if (address.unix_socket()) continue;
    HAWSER_ASSIGN_OR_RETURN(sockets[i], net::Listen(address, {.reuse_port = true}));
  }
  return absl::OkStatus();
}

absl::Status Serve(const BackendOptions& options) {
  HAWSER_ASSIGN_OR_RETURN(std::vector<net::Socket> sockets, ListenOn(options.listen));
  HAWSER_ASSIGN_OR_RETURN(const std::vector<std::string> addresses, Bound(sockets));
  bool first = true;
  for (int i = 1; i < options.workers && first; ++i) {
    first = fork() != 0;
  }
  if (!first) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    HAWSER_RETURN_IF_ERROR(ListenAgain(addresses, sockets));
  }
  std::unique_ptr<TlsContext> tls;
  if (!options.certificate.empty()) {
    HAWSER_ASSIGN_OR_RETURN(tls, TlsContext::ForServer(options.certificate, options.private_key));
  }
  if (first) fmt::print("ready {}\n", fmt::join(addresses, " "));
  std::fflush(stdout);
  Backend(std::move(tls), options.commands).Run(std::move(sockets));
  return absl::OkStatus();
}

}  // namespace

int RunBackend(const BackendOptions& options) {
  const absl::Status served = Serve(options);
  fmt::print(stderr, "hawser_load: {}\n", std::string(served.message()));
  return 1;
}

}  // namespace hawser::bench
