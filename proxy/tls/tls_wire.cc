// The side of a TlsStream that faces the socket: the BIO that OpenSSL reads and writes, and the ciphertext
// between it and the kernel. Ciphertext comes in through the loop's wire_in and leaves through its wire_out;
// both areas are this stream's for the length of one call.
#include <algorithm>
#include <cstring>
#include <utility>

#include "proxy/base/check.h"
#include "proxy/tls/tls_stream.h"

namespace hawser::tls {
namespace {

using net::IoResult;
using net::IoState;

// Rounds of recv in one call while they bring no plaintext. The socket stays readable after that: the loop
// comes back.
constexpr int kReceives = 8;

}  // namespace

struct TlsStream::Wire {
  static TlsStream& Of(BIO* bio) { return *static_cast<TlsStream*>(BIO_get_data(bio)); }

  static int Read(BIO* bio, char* into, size_t size, size_t* got) {
    TlsStream& self = Of(bio);
    BIO_clear_retry_flags(bio);
    *got = 0;
    if (self.post_handshake_messages_ > kPostHandshakeMessages) return 0;
    if (self.ahead_.empty() && self.window_.empty() && !self.Receive()) {
      if (!self.wire_ended_) BIO_set_retry_read(bio);
      return 0;
    }
    const std::span<const std::byte> from = self.ahead_.empty() ? self.window_ : self.ahead_.front();
    *got = std::min(size, from.size());
    std::memcpy(into, from.data(), *got);
    if (self.ahead_.empty()) {
      self.window_ = from.subspan(*got);
    } else {
      self.ahead_.Consume(*got);
    }
    return 1;
  }

  // Takes all bytes: those that the kernel does not take become the tail, and OpenSSL never waits for room.
  static int Write(BIO* bio, const char* bytes, size_t size, size_t* taken) {
    BIO_clear_retry_flags(bio);
    Of(bio).Collect(std::as_bytes(std::span(bytes, size)));
    *taken = size;
    return 1;
  }

  static long Control(BIO* bio, int command, long, void*) {
    if (command == BIO_CTRL_FLUSH) return 1;
    if (command == BIO_CTRL_EOF) return Of(bio).truncated_ ? 1 : 0;
    return 0;
  }

  static const BIO_METHOD* Method() {
    static const BIO_METHOD* const method = [] {
      BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "hawser wire");
      BIO_meth_set_read_ex(made, &Read);
      BIO_meth_set_write_ex(made, &Write);
      BIO_meth_set_ctrl(made, &Control);
      return made;
    }();
    return method;
  }

  // Called at alerts and at the handshake's steps, not for each record. After the handshake a step is a
  // KeyUpdate or a ticket. A no_renegotiation alert answers a TLS 1.2 peer that tries to renegotiate; it gets
  // no second try.
  static void OnInfo(const SSL* ssl, int where, int value) {
    TlsStream& self = Of(SSL_get_rbio(ssl));
    if (!self.established_) return;
    constexpr int kNoRenegotiation = (SSL3_AL_WARNING << 8) | SSL_AD_NO_RENEGOTIATION;
    if (where == SSL_CB_WRITE_ALERT && value == kNoRenegotiation) {
      self.post_handshake_messages_ = kPostHandshakeMessages + 1;
    } else if ((where & SSL_CB_LOOP) != 0 && self.post_handshake_messages_ <= kPostHandshakeMessages) {
      ++self.post_handshake_messages_;
    }
  }
};

bool TlsStream::AttachWire() {
  BIO* bio = ssl_ != nullptr ? BIO_new(Wire::Method()) : nullptr;
  if (bio == nullptr) return false;
  BIO_set_data(bio, this);
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl_.get(), bio, bio);  // owns it now
  SSL_set_info_callback(ssl_.get(), &Wire::OnInfo);
  return true;
}

void TlsStream::BeginReceiving(size_t most) {
  HAWSER_DCHECK(window_.empty() && collected_ == 0);
  ClearErrors();
  receive_most_ = std::min(most, loop_.wire_in().size());
  receives_left_ = kReceives;
  more_ = false;
}

void TlsStream::EndReceiving() {
  const auto rest = std::exchange(window_, {});
  if (reading_ == Side::kOpen) {
    HAWSER_DCHECK(rest.empty() || ahead_.empty());
    if (!rest.empty()) ahead_.Append(pool_, rest);
  } else {
    ahead_.Clear();  // never read again
  }
  SendCollected();
  HAWSER_DCHECK(collected_ == 0);
  ClearErrors();
}

// Fills the empty window from the socket. False: nothing was there, or this call may take no more.
bool TlsStream::Receive() {
  HAWSER_DCHECK(window_.empty() && ahead_.empty());
  if (receives_left_ == 0) return false;
  const std::span<std::byte> into = loop_.wire_in().first(receive_most_);
  const IoResult got = tcp_.Read(into);
  more_ = got.state == IoState::kOk;
  receives_left_ = more_ ? receives_left_ - 1 : 0;
  wire_ended_ = got.state == IoState::kEnd || got.state == IoState::kError;
  truncated_ = got.state == IoState::kEnd;
  if (got.state == IoState::kError) error_ = tcp_.error();
  window_ = into.first(got.bytes);
  return got.bytes > 0;
}

void TlsStream::Collect(std::span<const std::byte> record) {
  const std::span<std::byte> area = loop_.wire_out();
  while (!record.empty()) {
    if (collected_ == area.size()) SendCollected();
    const size_t count = std::min(record.size(), area.size() - collected_);
    std::memcpy(area.data() + collected_, record.data(), count);
    collected_ += count;
    record = record.subspan(count);
  }
}

// Sends the records that the BIO has collected; bytes that the kernel does not take join the tail. Records
// that OpenSSL makes after our end are not sent.
void TlsStream::SendCollected(Then then) {
  const std::span<const std::byte> records = loop_.wire_out().first(std::exchange(collected_, 0));
  if (writing_ != Side::kOpen || (records.empty() && then == Then::kMore)) return;
  const IoState state =
      then == Then::kEnd ? tail_.WriteLast(tcp_, pool_, records) : tail_.Write(tcp_, pool_, records);
  if (state == IoState::kError) return BreakWriting();
  if (state == IoState::kBlocked) SetFlushAlone(true);
}

// True when no tail is left.
bool TlsStream::FlushTail() {
  if (tail_.blocked()) {
    const IoState state = tail_.Flush(tcp_).state;
    if (state == IoState::kError) BreakWriting();
    if (state != IoState::kOk) return false;
  }
  SetFlushAlone(false);
  return true;
}

void TlsStream::BreakWriting() {
  writing_ = Side::kBroken;
  error_ = tcp_.error();
  tail_.Abandon();
  SetFlushAlone(false);
}

}  // namespace hawser::tls
