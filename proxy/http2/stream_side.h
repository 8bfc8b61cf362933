// What ServerStream and ClientStream have in common: a body that is a Stream's bytes, and trailers behind it.
// `Side` is http::ServerStream or http::ClientStream.
#pragma once

#include <memory>
#include <span>
#include <utility>

#include "proxy/base/check.h"
#include "proxy/http/message_stream.h"
#include "proxy/http2/sent_head.h"
#include "proxy/http2/stream.h"

namespace hawser::http2 {

template <typename Side>
class StreamSide : public Side {
 public:
  const http::HeaderList& trailers() const override { return trailers_; }
  void EndWithTrailers(const http::HeaderList& trailers) override {
    SentHead fields;
    if (fields.SetTrailers(trailers)) return stream_->EndWithTrailers(fields);
    stream_->ShutdownWrite();  // the body is complete without them
  }

  bool complete() const override { return stream_->complete(); }

  void Watch(event::IoHandler* handler, uint8_t tag) override { stream_->Watch(handler, tag); }
  void Want(event::Interest interest) override { stream_->Want(interest); }
  net::IoResult Read(std::span<std::byte> into) override {
    const net::IoResult got = stream_->Read(into);
    if (got.state == net::IoState::kEnd) ReadTrailers();
    return got;
  }
  net::IoResult Write(std::span<const std::byte> bytes) override { return stream_->Write(bytes); }
  net::IoResult WriteLast(std::span<const std::byte> bytes) override { return stream_->WriteLast(bytes); }
  void ShutdownWrite() override { stream_->ShutdownWrite(); }
  void Close(net::CloseReason reason) override {
    if (stream_ != nullptr) stream_->Close(reason);
  }
  bool Delivering(base::Duration within) const override { return stream_->Delivering(within); }

 protected:
  explicit StreamSide(std::unique_ptr<Stream> stream) : stream_(std::move(stream)) {}
  bool has_stream() const { return stream_ != nullptr; }
  Stream& stream() {
    HAWSER_DCHECK(has_stream());
    return *stream_;
  }
  const Stream& stream() const {
    HAWSER_DCHECK(has_stream());
    return *stream_;
  }
  std::unique_ptr<Stream> TakeStream() { return std::move(stream_); }

 private:
  // The session has reset the stream if they were too large.
  void ReadTrailers() {
    if (trailer_text_ != nullptr) return;
    trailer_text_ = stream_->TakeTrailers();
    if (trailer_text_ == nullptr || !trailer_text_->ReadTrailers(trailers_)) trailers_.Clear();
  }

  std::unique_ptr<Stream> stream_;  // null once a tunnel, or its session, has taken it
  std::unique_ptr<ReceivedHead> trailer_text_;
  http::HeaderList trailers_;  // views into trailer_text_
};

}  // namespace hawser::http2
