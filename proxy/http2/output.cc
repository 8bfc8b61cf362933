#include "proxy/http2/output.h"

#include "proxy/base/check.h"

namespace hawser::http2 {

void Output::Append(std::span<const std::byte> bytes) {
  frames_.Append(pool_, bytes);
  bytes_ += bytes.size();
  made_ += bytes.size();
}

bool Output::Flush(net::ByteStream& transport, base::TimePoint now) {
  if (blocked_ || (empty() && !transport_holds_)) return true;
  do {
    const net::IoResult put =
        transport.Write(frames_.front());  // an empty span where only the transport holds something
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
