#include "proxy/tls/tls_stream.h"

#include <algorithm>
#include <cerrno>
#include <optional>
#include <system_error>
#include <utility>

#include "proxy/base/check.h"
#include "proxy/net/socket.h"
#include "proxy/net/tcp_state.h"
#include "proxy/tls/client_hello.h"
#include "proxy/tls/handshake_keys.h"

namespace hawser::tls {
namespace {

using net::IoResult;
using net::IoState;

constexpr size_t kRecord = SSL3_RT_MAX_PLAIN_LENGTH;
// What a record costs on the wire beyond its plaintext, at the most; AEADs take 22 to 29 bytes.
constexpr size_t kRecordOverhead = 256;
// For a handshake's flights and for spans too small to read much at once.
constexpr size_t kSmallReceive = 16 * 1024;

}  // namespace

TlsStream::TlsStream(event::Loop& loop, net::BufferPool& pool, const ServerContext& context,
                     net::Socket socket)
    : loop_(loop), pool_(pool), tcp_(loop, std::move(socket)), server_(&context) {}

TlsStream::TlsStream(event::Loop& loop, net::BufferPool& pool, const ClientContext& context,
                     net::Socket socket, const std::string& server_name, std::shared_ptr<SessionSlot> slot)
    : loop_(loop), pool_(pool), tcp_(loop, std::move(socket)), slot_(std::move(slot)) {
  Begin(context.NewSsl(server_name, slot_.get()));
  if (ssl_ != nullptr && slot_ != nullptr) SSL_set_app_data(ssl_.get(), this);  // for Remember
}

void TlsStream::Begin(SslPtr ssl) {
  ssl_ = std::move(ssl);
  if (AttachWire()) return;
  ClearErrors();
  reading_ = writing_ = Side::kBroken;
  error_ = ENOMEM;
}

TlsStream::~TlsStream() {
  Close(net::CloseReason::kOrderly);
}

HandshakeResult TlsStream::Handshake() {
  if (established_) return HandshakeResult::kDone;
  if (ssl_ == nullptr && server_ != nullptr && reading_ == Side::kOpen) {
    if (!HelloIsWhole()) return HandshakeResult::kWantRead;
    Begin(server_->NewSsl());
  }
  if (reading_ != Side::kOpen || writing_ == Side::kBroken) return HandshakeResult::kFailed;
  HAWSER_DCHECK(ssl_ != nullptr);
  started_ = true;
  FlushTail();
  BeginReceiving(kSmallReceive);
  const int result = SSL_do_handshake(ssl_.get());
  if (result == 1) {
    established_ = true;
    if (server_ != nullptr) FreeHandshakeKeys(*ssl_);
  } else {
    Break(result);
  }
  answered_ |= collected_ > 0;
  EndReceiving();
  DelegateInterest();
  AnnouncePending();
  if (established_) return HandshakeResult::kDone;
  const bool failed = reading_ != Side::kOpen || writing_ == Side::kBroken;
  return failed ? HandshakeResult::kFailed : HandshakeResult::kWantRead;
}

// Half a hello is left in the kernel: OpenSSL would hold tens of kilobytes for it until its deadline.
bool TlsStream::HelloIsWhole() {
  const auto begin = net::Peek(tcp_.fd(), loop_.wire_in().first(kLongestHello));
  const size_t needed = HelloBytes(begin);
  if (begin.size() < needed) {
    const std::optional<net::TcpState> state = net::AskTcp(tcp_.fd());
    const bool more = state && !state->peer_left;
    if (more) net::AwaitAtLeast(tcp_.fd(), needed);
    awaits_hello_ |= more;
    return !more;
  }
  if (std::exchange(awaits_hello_, false)) net::AwaitAtLeast(tcp_.fd(), 1);
  return true;
}

IoResult TlsStream::Read(std::span<std::byte> into) {
  if (!established_) {
    const HandshakeResult result = Handshake();
    if (result == HandshakeResult::kWantRead) return {0, IoState::kBlocked};
    if (result == HandshakeResult::kFailed) return ReadEnd();
    if (!more_ && !HasPending()) return {0, IoState::kBlocked};  // its recv has emptied the socket
  }
  if (flush_alone_) FlushTail();
  if (reading_ != Side::kOpen) return ReadEnd();
  // Received bytes and the one record that OpenSSL may hold a part of all fit into a large span: nothing
  // stays ahead.
  BeginReceiving(std::max(into.size() - std::min(into.size(), kRecord), kSmallReceive));
  size_t total = 0;
  while (total < into.size() && Decrypt(into.subspan(total), total)) {
  }
  EndReceiving();
  loop_.Spend(total);
  AnnouncePending();
  if (total > 0) return {total, more_ || HasPending() ? IoState::kOk : IoState::kBlocked};
  return reading_ == Side::kOpen ? IoResult{0, IoState::kBlocked} : ReadEnd();
}

// One record, or what is left of one; adds to `total`. False: there is no more for now.
bool TlsStream::Decrypt(std::span<std::byte> into, size_t& total) {
  size_t got = 0;
  const int result = SSL_read_ex(ssl_.get(), into.data(), into.size(), &got);
  if (result != 1) {
    Break(result);
    return false;
  }
  total += got;
  post_handshake_messages_ = 0;
  receives_left_ = 0;
  // Whether more ciphertext is at hand. If not, a call that would find nothing is saved.
  return !window_.empty() || !ahead_.empty() || SSL_pending(ssl_.get()) > 0;
}

IoResult TlsStream::ReadEnd() {
  end_reported_ = true;
  return {0, reading_ == Side::kEnded ? IoState::kEnd : IoState::kError};
}

IoResult TlsStream::Write(std::span<const std::byte> bytes) {
  if (writing_ == Side::kBroken) return {0, IoState::kError};
  if (writing_ == Side::kEnded && !bytes.empty()) {
    error_ = EPIPE;
    return {0, IoState::kError};
  }
  if (!established_) {
    const HandshakeResult result = Handshake();
    if (result == HandshakeResult::kWantRead) return {0, IoState::kBlocked};
    if (result == HandshakeResult::kFailed) return {0, IoState::kError};
  }
  size_t taken = 0;
  if (FlushTail()) {
    while (taken < bytes.size() && !tail_.blocked() && writing_ == Side::kOpen) {
      constexpr size_t kAtOnce = event::Loop::kScratchBytes / (kRecord + kRecordOverhead) * kRecord;
      const auto piece = bytes.subspan(taken, std::min(bytes.size() - taken, kAtOnce));
      if (!Encrypt(piece)) break;
      loop_.Spend(piece.size());
      taken += piece.size();
      SendCollected();
    }
  }
  if (writing_ == Side::kBroken) return {0, IoState::kError};
  if (!tail_.blocked() && taken == bytes.size()) return {taken, IoState::kOk};
  SetFlushAlone(writing_ == Side::kEnded);  // for the rest, the owner hears kBlocked
  return {taken, IoState::kBlocked};
}

bool TlsStream::Encrypt(std::span<const std::byte> bytes) {
  HAWSER_DCHECK(established_ && tail_.empty() && writing_ == Side::kOpen);
  ClearErrors();
  size_t taken = 0;
  const int result = SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &taken);
  if (result == 1) {
    post_handshake_messages_ = 0;
    return true;
  }
  Break(result);
  SendCollected();
  writing_ = Side::kBroken;
  return false;
}

IoResult TlsStream::WriteLast(std::span<const std::byte> bytes) {
  if (!established_ || writing_ != Side::kOpen || bytes.size() > kRecord || !FlushTail())
    return ByteStream::WriteLast(bytes);
  if (Encrypt(bytes)) ShutdownWrite();
  if (writing_ == Side::kBroken) return {0, IoState::kError};
  return {bytes.size(), tail_.blocked() ? IoState::kBlocked : IoState::kOk};
}

// Sends the collected records, close_notify and FIN together.
void TlsStream::ShutdownWrite() {
  if (writing_ != Side::kOpen) return;
  CollectCloseNotify();
  SendCollected(Then::kEnd);
  if (writing_ == Side::kBroken) return;
  writing_ = Side::kEnded;
  if (!FlushTail()) SetFlushAlone(writing_ != Side::kBroken);
}

void TlsStream::CollectCloseNotify() {
  if (!established_ || reading_ == Side::kBroken) return;  // OpenSSL refuses it then
  ClearErrors();
  SSL_shutdown(ssl_.get());
  ClearErrors();
}

void TlsStream::Close(net::CloseReason reason) {
  if (tcp_.fd() < 0) return;
  if (reason == net::CloseReason::kOrderly && FlushTail()) ShutdownWrite();
  if (handler_ != nullptr) loop_.CancelSoon(*handler_, tag_);
  handler_ = nullptr;
  reading_ = writing_ = Side::kBroken;
  ahead_.Clear();
  tail_.Abandon();
  tcp_.Close(reason);
}

void TlsStream::Watch(event::IoHandler* handler, uint8_t tag) {
  if (handler == handler_ && tag == tag_) return;
  if (handler_ != nullptr) loop_.CancelSoon(*handler_, tag_);
  announced_turn_ = kNever;
  handler_ = handler;
  tag_ = tag;
  tcp_.Watch(handler, tag);
  DelegateInterest();
  AnnouncePending();
}

void TlsStream::Want(event::Interest interest) {
  wanted_ = interest;
  if (flush_alone_) FlushTail();
  DelegateInterest();
  AnnouncePending();
}

// A writer that waits for the handshake waits for the peer's bytes, not for room.
void TlsStream::DelegateInterest() {
  if (handler_ == nullptr) return;
  const bool shaking = started_ && !established_ && reading_ == Side::kOpen;
  const event::Interest interest{.read = wanted_.read || (wanted_.write && shaking),
                                 .write = flush_alone_ || (wanted_.write && !shaking),
                                 .hang_up = wanted_.hang_up};
  if (interest == event::Interest{}) announced_turn_ = kNever;  // the loop forgets it with the registration
  tcp_.Want(interest);
}

void TlsStream::SetFlushAlone(bool alone) {
  if (flush_alone_ == alone) return;
  flush_alone_ = alone;
  DelegateInterest();
}

bool TlsStream::HasPending() const {
  if (reading_ != Side::kOpen) return !end_reported_;
  return established_ && (!ahead_.empty() || SSL_pending(ssl_.get()) > 0);
}

// The kernel does not report bytes that this stream has already taken from it: where some wait for a reader
// that wants them, the loop is asked to call it, once a turn.
void TlsStream::AnnouncePending() {
  if (!wanted_.read || handler_ == nullptr || announced_turn_ == loop_.turn() || !HasPending()) return;
  announced_turn_ = loop_.turn();
  loop_.Soon(*handler_, {.readable = true, .tag = tag_});
}

// OpenSSL could not go on: it waits, has come to the end, or has failed for good.
void TlsStream::Break(int ssl_result) {
  const int reason = SSL_get_error(ssl_.get(), ssl_result);
  if (reason == SSL_ERROR_WANT_READ) return;
  if (reason == SSL_ERROR_ZERO_RETURN) {
    reading_ = Side::kEnded;
    return;
  }
  failure_ = ERR_peek_error();
  ERR_clear_error();
  reading_ = Side::kBroken;
}

void TlsStream::Remember(SessionPtr session) {
  HAWSER_DCHECK(slot_ != nullptr);
  slot_->session = std::move(session);
}

std::string TlsStream::HandshakeError() const {
  if (error_ != 0) return std::generic_category().message(error_);
  if (truncated_) return "the peer ended the connection without close_notify";
  if (post_handshake_messages_ > kPostHandshakeMessages)
    return "too many handshake messages after the handshake";
  if (failure_ != 0) return FailureText();
  return reading_ == Side::kEnded && !established_ ? "the peer gave up the handshake" : "";
}

// OpenSSL's error says only that the certificate was not accepted; the reason is in the verify result.
std::string TlsStream::FailureText() const {
  const long fault = SSL_get_verify_result(ssl_.get());
  if (ERR_GET_REASON(failure_) != SSL_R_CERTIFICATE_VERIFY_FAILED || fault == X509_V_OK)
    return ReasonOf(failure_);
  return ReasonOf(failure_) + ": " + X509_verify_cert_error_string(fault);
}

std::string_view TlsStream::alpn() const {
  const unsigned char* name = nullptr;
  unsigned int length = 0;
  if (established_) SSL_get0_alpn_selected(ssl_.get(), &name, &length);
  return {reinterpret_cast<const char*>(name), length};
}

bool TlsStream::session_reused() const {
  return established_ && SSL_session_reused(ssl_.get()) == 1;
}

}  // namespace hawser::tls
