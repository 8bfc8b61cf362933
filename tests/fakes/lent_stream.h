// Lends a stream to code that takes ownership of its streams: the test keeps the FakeStream and can inspect
// it afterwards. Destroying this closes the lent stream, as destroying a real one would.
#pragma once

#include "proxy/net/byte_stream.h"

namespace hawser::fakes {

class LentStream final : public net::ByteStream {
 public:
  // `stream` must outlive this.
  explicit LentStream(net::ByteStream& stream) : stream_(stream) {}
  ~LentStream() override { stream_.Close(net::CloseReason::kOrderly); }
  void Watch(event::IoHandler* handler, uint8_t tag) override { stream_.Watch(handler, tag); }
  void Want(event::Interest interest) override { stream_.Want(interest); }
  net::IoResult Read(std::span<std::byte> into) override { return stream_.Read(into); }
  net::IoResult Write(std::span<const std::byte> bytes) override { return stream_.Write(bytes); }
  net::IoResult WriteLast(std::span<const std::byte> bytes) override { return stream_.WriteLast(bytes); }
  void ShutdownWrite() override { stream_.ShutdownWrite(); }
  void Close(net::CloseReason reason) override { stream_.Close(reason); }
  bool Delivering(base::Duration within) const override { return stream_.Delivering(within); }
  std::optional<base::Duration> HostSilence() const override { return stream_.HostSilence(); }
  int error() const override { return stream_.error(); }
  std::string error_text() const override { return stream_.error_text(); }

 private:
  net::ByteStream& stream_;
};

}  // namespace hawser::fakes
