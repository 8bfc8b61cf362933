#include "proxy/http2/output.h"

#include <string>

#include "proxy/base/check.h"

namespace hawser::http2 {

void Output::Append(std::span<const std::byte> bytes) {
  frames_.Append(pool_, bytes);
  bytes_ += bytes.size();
  made_ += bytes.size();
}

void Output::AppendGoAway(int32_t last_stream, uint32_t code, std::string_view text) {
  constexpr uint8_t kGoAway = 7;
  std::string frame;
  const auto put = [&frame](uint64_t value, int bytes) {
    for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) frame += static_cast<char>(value >> shift);
  };
  put(8 + text.size(), 3);
  put(kGoAway, 1);
  put(0, 5);  // no flags, stream 0
  put(static_cast<uint32_t>(last_stream), 4);
  put(code, 4);
  frame += text;
  Append(std::as_bytes(std::span(frame)));
}

bool Output::Flush(net::ByteStream& transport, base::TimePoint now) {
  if (blocked_ || (empty() && !transport_holds_)) return true;
  do {
    // An empty span where only the transport holds something.
    const net::IoResult put = transport.Write(frames_.front());
    if (put.bytes > 0) progress_ = now;
    HAWSER_DCHECK(put.bytes <= bytes_);
    frames_.Consume(put.bytes);
    bytes_ -= put.bytes;
    if (put.state == net::IoState::kError) return false;
    blocked_ = transport_holds_ = put.state == net::IoState::kBlocked;
  } while (!blocked_ && !empty());
  return true;
}

void Output::Clear() {
  frames_.Clear();
  bytes_ = 0;
}

}  // namespace hawser::http2
