// One HTTP/1.1 request on a connection to a backend (http::ClientStream). Owns the connection until a tunnel
// or the next request takes it; loop thread only.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "proxy/base/check.h"
#include "proxy/event/loop.h"
#include "proxy/http/message_stream.h"
#include "proxy/http1/body_io.h"

namespace hawser::http1 {

class ClientStream final : public http::ClientStream {
 public:
  // `transport` may still be connecting.
  ClientStream(event::Loop& loop, std::unique_ptr<net::ByteStream> transport);

  [[nodiscard]] bool SendRequest(const http::RequestHead& head, const http::UpgradeRequest* upgrade) override;
  HeadState ReadResponse(http::ResponseHead& head) override;
  bool unprocessed() const override { return !writer_.sent_any(); }
  bool answered() const override { return answered_; }
  std::unique_ptr<net::ByteStream> TakeTunnel(std::string& early) override;
  Idle TakeIdle() override;
  const http::HeaderList& trailers() const override { return reader_.trailers(); }
  bool complete() const override { return reader_.complete(); }
  bool malformed() const override { return reader_.malformed(); }
  void EndWithTrailers(const http::HeaderList& trailers) override { writer_.End(trailers); }

  void Watch(event::IoHandler* handler, uint8_t tag) override;
  void Want(event::Interest interest) override;
  net::IoResult Read(std::span<std::byte> into) override {
    HAWSER_DCHECK(transport_ != nullptr);
    const net::IoResult got = reader_.Read(held_, *transport_, into);
    NoteEnd();
    return got;
  }
  net::IoResult Write(std::span<const std::byte> bytes) override {
    HAWSER_DCHECK(transport_ != nullptr);
    return writer_.Write(*transport_, bytes);
  }
  net::IoResult WriteLast(std::span<const std::byte> bytes) override {
    return writer_.WriteLast(*transport_, bytes);
  }
  // Ends the body only: a backend may take a half-closed connection for a closed one.
  void ShutdownWrite() override { writer_.End({}); }
  void Close(net::CloseReason reason) override { transport_->Close(reason); }
  bool Delivering(base::Duration within) const override { return transport_->Delivering(within); }
  int error() const override { return transport_->error(); }
  std::string error_text() const override { return transport_->error_text(); }

 private:
  HeadState Judge(http::ResponseHead& head);
  // The backend counts its keep-alive time from the end of the response.
  void NoteEnd() {
    if (keep_alive_time_ && !ended_at_ && reader_.done()) ended_at_ = loop_.now();
  }

  event::Loop& loop_;
  std::unique_ptr<net::ByteStream> transport_;  // null once taken
  BodyReader reader_;
  BodyWriter writer_;
  std::string method_;
  const http::UpgradeRequest* upgrade_ = nullptr;
  std::string key_;         // the Sec-WebSocket-Key that was sent
  std::string head_bytes_;  // the head that was read last; its views point here
  std::string held_;        // received behind it
  size_t scanned_ = 0;      // of held_, by the head parser
  event::IoHandler* handler_ = nullptr;
  uint8_t tag_ = 0;
  bool answered_ = false;    // something has come
  bool keep_alive_ = false;  // the response lets the connection live on
  // For how long the backend says that it keeps the connection.
  std::optional<base::Duration> keep_alive_time_;
  std::optional<base::TimePoint> ended_at_;  // the response, where there is such a time
};

}  // namespace hawser::http1
