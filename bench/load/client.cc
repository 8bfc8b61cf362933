#include "bench/load/client.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "bench/load/dial.h"
#include "bench/load/handshake.h"
#include "fmt/format.h"

namespace hawser::bench {
namespace {

constexpr size_t kSendBytes = 64 * 1024;  // frames in a row for one send
constexpr Mask kMask = {std::byte{0x37}, std::byte{0xfa}, std::byte{0x21}, std::byte{0x3d}};

// 127.0.0.1, 127.0.0.2 ... with 254 to each third octet.
net::SocketAddress Source(size_t number) {
  const std::array<uint8_t, 4> bytes = {127, 0, static_cast<uint8_t>(number / 254),
                                        static_cast<uint8_t>(1 + number % 254)};
  return {net::IpAddress::FromV4(bytes), 0};
}

}  // namespace

Message::Message(size_t size, Opcode opcode) : payload_(size) {
  for (size_t i = 0; i < size; ++i) payload_[i] = std::byte('a' + (i * 7 + i / 251) % 26);
  std::vector<std::byte> frame;
  AppendHeader(frame, opcode, true, size, &kMask);
  const size_t header = frame.size();
  frame.insert(frame.end(), payload_.begin(), payload_.end());
  ApplyMask(std::span(frame).subspan(header), kMask, 0);
  frame_bytes_ = frame.size();
  do {
    frames_.insert(frames_.end(), frame.begin(), frame.end());
  } while (frames_.size() + frame.size() <= kSendBytes);
}

std::span<const std::byte> Message::Frames(size_t count, size_t offset) const {
  return std::span(frames_).first(std::min(frames_.size(), count * frame_bytes_)).subspan(offset);
}

net::Socket Client::Connect() {
  if (engine_.sources == 0 || engine_.address.family() != AF_INET) return Dial(engine_.address, nullptr);
  const net::SocketAddress source = Source(static_cast<size_t>(engine_.first_source) +
                                           index_ % static_cast<size_t>(engine_.sources));
  return Dial(engine_.address, &source);
}

void Client::Open() {
  was_open_ = false;
  net::Socket socket = Connect();
  if (!socket.open()) return Fail(fmt::format("cannot connect: {}", std::strerror(errno)));
  transport_.emplace(engine_.scratch, std::move(socket), engine_.tls.get(), engine_.host);
  key_ = KeyFor((index_ << 32) + ++opened_);
  head_.clear();
  reader_.Reset();
  control_.clear();
  failure_.clear();
  queued_ = sent_ = received_ = 0;
  verified_ = close_due_ = false;
  state_ = State::kConnecting;
  interest_ = EPOLLIN | EPOLLOUT;
  engine_.poller.Add(transport_->fd(), *this, interest_);
}

void Client::OnReady(uint32_t events) {
  if (state_ == State::kConnecting && !Connected()) return;
  if ((events & EPOLLOUT) != 0) transport_->Flush();
  if ((events & ~uint32_t{EPOLLOUT}) != 0) {
    const Transport::Received received = transport_->Receive();
    if (state_ == State::kSecuring && transport_->secured()) SendRequest();
    if (!Take(received.bytes)) return;
    if (received.ended) return End();
  }
  Flush();
}

bool Client::Connected() {
  int error = 0;
  socklen_t length = sizeof error;
  getsockopt(transport_->fd(), SOL_SOCKET, SO_ERROR, &error, &length);
  if (error != 0) {
    Fail(fmt::format("cannot connect: {}", std::strerror(error)));
    return false;
  }
  state_ = State::kSecuring;
  transport_->Start();
  if (transport_->secured()) SendRequest();
  return true;
}

void Client::SendRequest() {
  state_ = State::kUpgrading;
  if (engine_.http2) {
    transport_->OpenTunnel(std::make_unique<Http2Tunnel>(engine_.tls ? "https" : "http", engine_.host,
                                                         engine_.path, engine_.headers));
    return;
  }
  const std::string request = UpgradeRequest(engine_.host, engine_.path, key_, engine_.headers);
  const auto bytes = std::as_bytes(std::span(request));
  control_.insert(control_.end(), bytes.begin(), bytes.end());
}

bool Client::Take(std::span<std::byte> bytes) {
  if (state_ == State::kUpgrading && engine_.http2 && !TakeTunnel()) return false;
  if (state_ == State::kUpgrading && !engine_.http2 && !bytes.empty() && !TakeHead(bytes)) return false;
  FrameReader::Piece piece;
  while (state_ >= State::kOpen && reader_.Next(bytes, piece)) {
    if (!TakePiece(piece)) return false;
  }
  return true;
}

bool Client::TakeHead(std::span<std::byte>& bytes) {
  head_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const size_t end = head_.find("\r\n\r\n");
  if (end == std::string::npos) {
    bytes = {};
    return true;
  }
  bytes = bytes.last(head_.size() - end - 4);
  head_.resize(end + 4);
  const std::string wrong = WrongAnswer(head_, key_);
  if (!wrong.empty()) {
    Fail(wrong);
    return false;
  }
  Opened();
  return true;
}

bool Client::TakeTunnel() {
  const Http2Tunnel& tunnel = *transport_->tunnel();
  if (!tunnel.refusal().empty()) {
    Fail(tunnel.refusal());
    return false;
  }
  if (tunnel.open()) Opened();
  return true;
}

void Client::Opened() {
  state_ = State::kOpen;
  was_open_ = true;
  observer_.OnOpen(*this);
}

bool Client::TakePiece(const FrameReader::Piece& piece) {
  if (piece.masked) {
    Fail("a masked frame came");
    return false;
  }
  if (piece.opcode < Opcode::kClose) return TakeData(piece);
  TakeControl(piece);
  return true;
}

bool Client::TakeData(const FrameReader::Piece& piece) {
  const std::span<const std::byte> expected = engine_.message.payload();
  const size_t count = piece.payload.size();
  const bool fits = received_ + count <= expected.size();
  const bool compare = engine_.verify || !verified_;
  if (!fits || (compare && !std::ranges::equal(piece.payload, expected.subspan(received_, count)))) {
    Fail("an echo differs from what was sent");
    return false;
  }
  received_ += count;
  if (!piece.last || !piece.fin) return true;
  if (received_ != expected.size()) {
    Fail("an echo is shorter than what was sent");
    return false;
  }
  received_ = 0;
  verified_ = true;
  observer_.OnMessage(*this);
  return true;
}

void Client::TakeControl(const FrameReader::Piece& piece) {
  if (piece.first) control_payload_.clear();
  control_payload_.insert(control_payload_.end(), piece.payload.begin(), piece.payload.end());
  if (!piece.last) return;
  if (piece.opcode == Opcode::kClose) return TakeClose();
  if (piece.opcode != Opcode::kPing) return;
  ++pings_;
  AppendHeader(control_, Opcode::kPong, true, control_payload_.size(), &kMask);
  ApplyMask(control_payload_, kMask, 0);
  control_.insert(control_.end(), control_payload_.begin(), control_payload_.end());
}

void Client::TakeClose() {
  if (state_ == State::kClosing) {
    state_ = State::kEnding;
    return;
  }
  const int code = control_payload_.size() < 2 ? 1005
                                               : std::to_integer<int>(control_payload_[0]) << 8 |
                                                     std::to_integer<int>(control_payload_[1]);
  failure_ = fmt::format("closed by the other side with code {}", code);
  queued_ = std::min<size_t>(queued_, sent_ > 0 ? 1 : 0);
  Close();
  state_ = State::kEnding;
}

void Client::Close() {
  if (state_ != State::kOpen) return;
  state_ = State::kClosing;
  close_due_ = true;
}

// The request, pongs and the Close go between frames; the Close after all that is queued, as nothing may
// follow it.
void Client::Flush() {
  while (transport_ && !transport_->blocked()) {
    if (close_due_ && queued_ == 0) AppendClose();
    if (!control_.empty() && sent_ == 0) {
      const size_t sent = transport_->Send(control_);
      control_.erase(control_.begin(), control_.begin() + static_cast<ptrdiff_t>(sent));
    } else if (queued_ > 0) {
      SendFrames(control_.empty() ? queued_ : 1);
    } else {
      break;
    }
  }
  UpdateInterest();
}

void Client::SendFrames(size_t count) {
  sent_ += transport_->Send(engine_.message.Frames(count, sent_));
  queued_ -= sent_ / engine_.message.frame_bytes();
  sent_ %= engine_.message.frame_bytes();
}

void Client::AppendClose() {
  static constexpr std::array<std::byte, 2> kNormal = {std::byte{1000 >> 8} ^ kMask[0],
                                                       std::byte{1000 & 0xff} ^ kMask[1]};
  AppendHeader(control_, Opcode::kClose, true, kNormal.size(), &kMask);
  control_.insert(control_.end(), kNormal.begin(), kNormal.end());
  close_due_ = false;
}

void Client::UpdateInterest() {
  if (!transport_) return;
  const uint32_t wanted = EPOLLIN | (transport_->blocked() ? uint32_t{EPOLLOUT} : 0);
  if (wanted == interest_) return;
  interest_ = wanted;
  engine_.poller.Modify(transport_->fd(), *this, wanted);
}

void Client::End() {
  if (state_ == State::kEnding) return Fail(failure_);
  static constexpr std::array<std::string_view, 7> kWhen = {"idle",
                                                            "connecting",
                                                            "in the TLS handshake",
                                                            "awaiting the 101",
                                                            "open",
                                                            "awaiting the answering Close",
                                                            "ending"};
  Fail(fmt::format("cut while {}", kWhen[static_cast<size_t>(state_)]));
}

void Client::Fail(std::string_view failure) {
  const std::string reason(failure);
  Drop();
  observer_.OnClosed(*this, reason);
}

void Client::Drop() {
  transport_.reset();
  state_ = State::kIdle;
}

}  // namespace hawser::bench
