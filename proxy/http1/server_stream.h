// One HTTP/1.1 request on a client's connection, from its complete head to the end of its response or to its
// tunnel (http::ServerStream). The connection owns the transport and makes one of these per request; loop
// thread only.
#pragma once

#include <string>

#include "proxy/event/loop.h"
#include "proxy/http/message_stream.h"
#include "proxy/http1/body_io.h"

namespace hawser::http1 {

class ServerStream final : public http::ServerStream {
 public:
  // `head` was parsed from `head_bytes`, which are kept for it; `held` is what has already come behind them.
  ServerStream(event::Loop& loop, net::ByteStream& transport, const http::RequestHead& head,
               std::string head_bytes, std::string held);

  // What came behind this request: a tunnel's first frames, or the next request.
  std::string TakeHeld() { return std::move(held_); }

  Ahead ReadAhead(size_t most) override;
  [[nodiscard]] bool SendInterim(const http::ResponseHead& head) override;
  [[nodiscard]] bool SendResponse(const http::ResponseHead& head, bool keep) override;
  [[nodiscard]] bool OpenTunnel(const http::ResponseHead& head, const http::UpgradeRequest& upgrade) override;
  bool reusable() const override { return keep_alive_ && writer_.ended() && reader_.done(); }
  const http::HeaderList& trailers() const override { return reader_.trailers(); }
  bool complete() const override { return reader_.complete(); }
  bool malformed() const override { return reader_.malformed(); }
  void EndWithTrailers(const http::HeaderList& trailers) override { writer_.End(trailers); }

  void Watch(event::IoHandler* handler, uint8_t tag) override;
  void Want(event::Interest interest) override;
  net::IoResult Read(std::span<std::byte> into) override { return reader_.Read(held_, transport_, into); }
  net::IoResult Write(std::span<const std::byte> bytes) override { return writer_.Write(transport_, bytes); }
  net::IoResult WriteLast(std::span<const std::byte> bytes) override {
    return writer_.WriteLast(transport_, bytes);
  }
  void ShutdownWrite() override { writer_.End({}); }
  void Close(net::CloseReason reason) override { transport_.Close(reason); }
  bool Delivering(base::Duration within) const override { return transport_.Delivering(within); }
  int error() const override { return transport_.error(); }

 private:
  event::Loop& loop_;
  net::ByteStream& transport_;
  const std::string head_bytes_;
  std::string held_;
  BodyReader reader_;
  BodyWriter writer_;
  event::IoHandler* handler_ = nullptr;
  uint8_t tag_ = 0;
  const bool head_request_;  // HEAD
  bool ended_ = false;       // the client has sent all that it will
  const bool http11_;
  bool keep_alive_;
};

}  // namespace hawser::http1
