// The ByteStream of a client that uses permessage-deflate with hawser while the backend is plain (RFC 7692).
// It wraps the client's own stream and looks like a client that never compresses: its owner reads plain
// masked frames from it and writes plain unmasked frames to it. Owned by the object that relays it; loop
// thread only.
//
//   owner ── Read ◀─ FrameInflater ◀─┐
//                                    ├─ the client's stream (TCP, TLS, HTTP/2)
//   owner ── Write ─▶ FrameDeflater ─┘
//
// It holds, in pooled slabs, received bytes that the caller's span had no room to inflate (at most one read),
// and compressed bytes that the client's stream did not take (at most one slab). A quiet stream holds neither
// of them, and no compression context.
//
// A message that cannot be inflated does not break the connection: Read reports kError once, with error()
// EBADMSG, or ENOBUFS if the pool has no context. Afterwards Read returns the client's bytes as they come,
// for the owner to drop, and Write still works.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "proxy/event/loop.h"
#include "proxy/net/buffer.h"
#include "proxy/net/byte_stream.h"
#include "proxy/net/outbox.h"
#include "proxy/ws/frame_deflater.h"
#include "proxy/ws/frame_inflater.h"

namespace hawser::ws {

class DeflateStream final : public net::ByteStream {
 public:
  struct Options {
    int window_bits = Deflater::kMaxWindowBits;  // of what the client is sent: 9 to 15
    size_t max_fragment = 65535;                 // payload of a frame that Read makes: 1 to 65535 bytes
  };

  // `early` has already been read from `client`. The loop and the pools outlive the stream.
  DeflateStream(event::Loop& loop, net::BufferPool& buffers, DeflatePool& pool,
                std::unique_ptr<net::ByteStream> client, Options options, std::span<const std::byte> early);
  ~DeflateStream() override;
  DeflateStream(const DeflateStream&) = delete;
  DeflateStream& operator=(const DeflateStream&) = delete;

  void Watch(event::IoHandler* handler, uint8_t tag) override;
  // After ShutdownWrite the stream may wait for room by itself, to send the bytes that it holds. After such a
  // `writable` the owner may call any of Read, Write or Want.
  void Want(event::Interest interest) override;
  net::IoResult Read(std::span<std::byte> into) override;
  // kBlocked with all bytes taken: some of them are still held here. Write({}) sends them, and no more bytes
  // are taken until they are gone.
  net::IoResult Write(std::span<const std::byte> bytes) override;
  void ShutdownWrite() override;
  // kOrderly sends as many of the held bytes as the client's stream takes.
  void Close(net::CloseReason reason) override;
  bool Delivering(base::Duration within) const override { return client_->Delivering(within); }
  uint32_t TakenMark() const override { return client_->TakenMark(); }
  void LimitUnsent(size_t bytes) override { client_->LimitUnsent(bytes); }
  void LimitUnread(size_t bytes) override { client_->LimitUnread(bytes); }
  int error() const override { return error_ != 0 ? error_ : client_->error(); }

 private:
  size_t Inflate(std::span<const std::byte> in, std::span<std::byte> into, size_t& taken);
  net::IoResult ReadThroughArea(std::span<std::byte> into);
  net::IoResult TakeReady(std::span<std::byte> into);
  net::IoResult Report(size_t made, bool drained);
  bool HasPending() const;
  net::IoState FlushHeld();
  net::IoState DeflateAndSend(std::span<const std::byte> bytes, size_t& taken);
  net::IoState SendOn(std::span<const std::byte> frames);
  net::IoResult Fail(int error);
  net::IoState Break();
  void FinishShutdown();
  void DelegateInterest();
  void AnnouncePending();

  static constexpr uint64_t kNever = ~uint64_t{0};

  event::Loop& loop_;
  net::BufferPool& buffers_;
  std::unique_ptr<net::ByteStream> client_;
  FrameInflater inflater_;
  FrameDeflater deflater_;
  net::Buffer ahead_;  // from the client, not yet inflated
  net::Buffer ready_;  // inflated, for a caller whose span was too small for a frame

  event::IoHandler* handler_ = nullptr;
  event::Interest wanted_;                    // by the owner
  uint64_t announced_turn_ = kNever;          // the turn in which Loop::Soon was last called
  int fault_ = 0;                             // why a message could not be inflated; 0: none
  int error_ = 0;                             // of the kError returned last; 0: it was the client's stream's
  [[no_unique_address]] net::Outbox unsent_;  // compressed, not yet taken by the client's stream
  uint8_t tag_ = 0;
  bool more_inside_ = false;   // the inflater stopped for want of room
  bool more_to_send_ = false;  // so did the deflater
  bool fault_reported_ = false;
  bool shut_ = false;              // ShutdownWrite was called
  bool shutdown_pending_ = false;  // call ShutdownWrite of the client's stream once unsent_ is empty
  bool closed_ = false;
};

}  // namespace hawser::ws
