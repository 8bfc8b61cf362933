// One request to a backend over a shared HTTP/2 connection (http::ClientStream); a WebSocket goes as extended
// CONNECT, which Session::extended_connect() must have allowed. Made by Session::Open, owned by the caller;
// loop thread only.
//
//   std::unique_ptr<ClientStream> stream = session.Open();   // null: no slot
//   stream->Watch(this, kBackendTag);
//   stream->SendRequest(head, websocket ? &upgrade : nullptr);
//   stream->Want({.read = true});
//   switch (stream->ReadResponse(response)) {...}
//   if (failed && stream->unprocessed()) ...                  // safe to send again elsewhere
//
// Destroying it frees the slot and resets the stream (CANCEL) unless it is complete. The connection stays
// with its session.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/http2/received_head.h"
#include "proxy/http2/stream_side.h"

namespace hawser::http2 {

class ClientStream final : public StreamSide<http::ClientStream> {
 public:
  // `scheme` is for heads that name none.
  ClientStream(std::unique_ptr<Stream> stream, std::string_view scheme);

  [[nodiscard]] bool SendRequest(const http::RequestHead& head, const http::UpgradeRequest* upgrade) override;
  HeadState ReadResponse(http::ResponseHead& head) override;
  bool unprocessed() const override { return stream().unprocessed(); }
  bool answered() const override { return text_ != nullptr; }
  // Bytes that have already come stay in the stream: `early` is left empty.
  std::unique_ptr<net::ByteStream> TakeTunnel(std::string& early) override;
  Idle TakeIdle() override { return {}; }

 private:
  const std::string_view scheme_;
  const http::UpgradeRequest* upgrade_ = nullptr;  // null: not a WebSocket
  bool head_request_ = false;                      // HEAD
  std::unique_ptr<ReceivedHead> text_;             // of the head that was read last
};

}  // namespace hawser::http2
