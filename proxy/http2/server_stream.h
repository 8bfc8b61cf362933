// One HTTP/2 request of a client and its response (http::ServerStream), or a WebSocket by extended CONNECT
// (RFC 8441). Made by Session::Accept, owned by the object that answers; loop thread only.
#pragma once

#include <cstddef>
#include <memory>

#include "proxy/http2/received_head.h"
#include "proxy/http2/stream_side.h"

namespace hawser::http2 {

class ServerStream final : public StreamSide<http::ServerStream> {
 public:
  // `head` was read from `text`, which is kept for it.
  ServerStream(std::unique_ptr<Stream> stream, std::unique_ptr<ReceivedHead> text,
               const http::RequestHead& head);

  // What comes ahead stays in the stream, at most a window of it; `most` bounds it for a WebSocket handshake
  // only.
  Ahead ReadAhead(size_t most) override;
  [[nodiscard]] bool SendInterim(const http::ResponseHead& head) override;
  // False for a 2xx to an extended CONNECT, which would open the tunnel whatever the backend meant by it.
  [[nodiscard]] bool SendResponse(const http::ResponseHead& head, bool keep) override;
  [[nodiscard]] bool OpenTunnel(const http::ResponseHead& head, const http::UpgradeRequest& upgrade) override;
  bool reusable() const override { return true; }  // each request has a stream of its own
  // kOrderly before the request's end gives the stream to its session: Stream::DropRest.
  void Close(net::CloseReason reason) override;

  // After OpenTunnel: the stream of the tunnel's bytes. This object can only be destroyed afterwards.
  std::unique_ptr<net::ByteStream> TakeTunnel() { return TakeStream(); }

  int32_t id() const { return stream().id(); }

 private:
  const std::unique_ptr<ReceivedHead> text_;
  const bool extended_connect_;
};

}  // namespace hawser::http2
