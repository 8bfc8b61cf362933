// The ByteStream of a TLS connection over a TCP or Unix socket (RFC 8446, RFC 5246). Owned by the object that
// relays it; loop thread only.
//
// OpenSSL talks to a BIO of ours that uses the loop's wire areas: one recv feeds it many records, and the
// records that it makes leave with one send. Only exceptions outlive a call: ciphertext that the kernel did
// not take (`tail_`), ciphertext that did not fit into the caller's span (`ahead_`), and the part of a record
// that OpenSSL keeps until the rest arrives. An idle connection holds its SSL object and nothing else.
//
//   TlsStream stream(loop, pool, context, std::move(socket));
//   stream.Watch(this, kClient);
//   switch (stream.Handshake()) {...}   // again at each OnReady until kDone; Read and Write do it too
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "proxy/event/loop.h"
#include "proxy/net/buffer.h"
#include "proxy/net/byte_stream.h"
#include "proxy/net/outbox.h"
#include "proxy/net/tcp_stream.h"
#include "proxy/tls/client_context.h"
#include "proxy/tls/context.h"

namespace hawser::tls {

enum class HandshakeResult : uint8_t {
  kDone,
  kWantRead,  // waits for the peer: Want({.read = true})
  kFailed,    // HandshakeError tells why; an alert has been sent where there is one
};

class TlsStream final : public net::ByteStream {
 public:
  // The server's side, and the client's: see ClientContext::NewSsl for `server_name`. `pool` outlives
  // the stream, the context its handshake. A server has no SSL object before the first call of Handshake.
  TlsStream(event::Loop& loop, net::BufferPool& pool, const ServerContext& context, net::Socket socket);
  // A session in `slot` is offered, and the server's next one is put there; null: neither.
  TlsStream(event::Loop& loop, net::BufferPool& pool, const ClientContext& context, net::Socket socket,
            const std::string& server_name, std::shared_ptr<SessionSlot> slot = nullptr);
  ~TlsStream() override;
  TlsStream(const TlsStream&) = delete;
  TlsStream& operator=(const TlsStream&) = delete;

  // Goes on with the handshake as far as it can with what has been received.
  HandshakeResult Handshake();
  bool established() const { return established_; }
  // A step of the handshake has been taken; one has made something to send.
  bool started() const { return started_; }
  bool answered() const { return answered_; }

  void Watch(event::IoHandler* handler, uint8_t tag) override;
  // Besides what the owner wants, the stream waits for room to send bytes of its own (a handshake's flight,
  // an alert, the end after ShutdownWrite). The owner may get a `writable` for these: any call of Read,
  // Write, Want or Handshake sends them.
  void Want(event::Interest interest) override;

  net::IoResult Read(std::span<std::byte> into) override;
  // Bytes that it reports as taken are encrypted and on their way. kBlocked with all bytes taken: some of
  // them are still held here. Write({}) sends them, and no more bytes are taken until they are gone.
  net::IoResult Write(std::span<const std::byte> bytes) override;
  // close_notify, then FIN.
  void ShutdownWrite() override;
  net::IoResult WriteLast(std::span<const std::byte> bytes) override;
  // kOrderly sends close_notify if the kernel takes it and all bytes before it. An owner that must be sure
  // first waits for Write({}) to be kOk. If something is lost, the peer sees a stream that was cut short.
  void Close(net::CloseReason reason) override;
  bool Delivering(base::Duration within) const override { return tcp_.Delivering(within); }
  std::optional<base::Duration> HostSilence() const override { return tcp_.HostSilence(); }
  uint32_t TakenMark() const override { return tcp_.TakenMark(); }
  void LimitUnsent(size_t bytes) override { tcp_.LimitUnsent(bytes); }
  void LimitUnread(size_t bytes) override { tcp_.LimitUnread(bytes); }
  int error() const override { return error_; }
  std::string error_text() const override { return HandshakeError(); }

  // Why the handshake failed or the stream broke, for the log; else empty.
  std::string HandshakeError() const;

  // The negotiated protocol; empty before the handshake. Lives as long as the stream.
  std::string_view alpn() const;
  bool session_reused() const;

  // Called by OpenSSL when the server gives a session, on streams that have a slot.
  void Remember(SessionPtr session);

  int fd() const { return tcp_.fd(); }

 private:
  struct Wire;  // the BIO's and OpenSSL's callbacks

  enum class Side : uint8_t { kOpen, kEnded, kBroken };

  void Begin(SslPtr ssl);
  bool HelloIsWhole();
  bool AttachWire();
  // Around every call into OpenSSL that may read: the size and number of the recvs that it may cause.
  void BeginReceiving(size_t most);
  void EndReceiving();
  bool Receive();

  bool Decrypt(std::span<std::byte> into, size_t& total);
  bool Encrypt(std::span<const std::byte> bytes);
  void Collect(std::span<const std::byte> record);
  enum class Then : bool {
    kMore,
    kEnd
  };  // what follows the records: more of them, or the end of our direction
  void SendCollected(Then then = Then::kMore);
  void CollectCloseNotify();
  bool FlushTail();

  std::string FailureText() const;
  void Break(int ssl_result);
  void BreakWriting();
  net::IoResult ReadEnd();
  bool HasPending() const;
  void SetFlushAlone(bool alone);
  void DelegateInterest();
  void AnnouncePending();

  event::Loop& loop_;
  net::BufferPool& pool_;
  net::TcpStream tcp_;
  std::shared_ptr<SessionSlot> slot_;
  const ServerContext* const server_ = nullptr;  // makes ssl_; null: the client's side
  SslPtr ssl_;  // null before a server's handshake, and where memory ran out; then both sides are broken

  net::Buffer ahead_;                  // ciphertext received; at most one recv of kSmallReceive
  std::span<const std::byte> window_;  // ciphertext in the loop's wire_in; empty between calls
  size_t collected_ = 0;               // bytes of ciphertext in the loop's wire_out; 0 between calls
  size_t receive_most_ = 0;
  int receives_left_ = 0;
  bool more_ = false;  // the last recv filled its span: the kernel may have more

  [[no_unique_address]] net::Outbox tail_;  // ciphertext to send; at most what one call produced
  Side reading_ = Side::kOpen;
  Side writing_ = Side::kOpen;
  bool established_ = false;
  bool started_ = false;       // the handshake
  bool awaits_hello_ = false;  // it will be reported when it has come whole
  bool answered_ = false;      // it has made bytes to send
  bool wire_ended_ = false;    // the socket gave its end or an error
  bool truncated_ = false;     // the peer ended without close_notify: an attacker may have cut off the rest
  bool end_reported_ = false;  // kEnd or kError was returned by Read
  bool flush_alone_ = false;   // there is a tail that the owner may not know of
  uint8_t tag_ = 0;
  uint8_t post_handshake_messages_ = 0;  // since application data last moved
  int error_ = 0;
  unsigned long failure_ = 0;  // OpenSSL's code; 0 for none
  event::IoHandler* handler_ = nullptr;
  event::Interest wanted_;            // by the owner
  uint64_t announced_turn_ = kNever;  // the turn in which Loop::Soon was last called

  static constexpr uint64_t kNever = ~uint64_t{0};
  // KeyUpdates and tickets in a row without application data in either direction. Each costs hawser a key
  // derivation and the peer a few bytes; more than these end the stream.
  static constexpr uint8_t kPostHandshakeMessages = 32;
};

}  // namespace hawser::tls
