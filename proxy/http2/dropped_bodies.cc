#include "proxy/http2/dropped_bodies.h"

#include "proxy/base/check.h"

namespace hawser::http2 {

PingPayload PayloadOf(int32_t stream) {
  PingPayload payload{};
  for (size_t i = 0; i < 4; ++i) payload[7 - i] = static_cast<uint8_t>(stream >> (8 * i));
  return payload;
}

int32_t StreamOf(const nghttp2_ping& ping) {
  int32_t stream = 0;
  for (size_t i = 4; i < 8; ++i) stream = stream << 8 | ping.opaque_data[i];
  return stream;
}

void DroppedBodies::Add(std::unique_ptr<Stream> stream, base::TimePoint now) {
  HAWSER_DCHECK(stream->dropped());
  static_cast<ReadyLink&>(*stream).Unlink();
  stream->waiting_since_ = now;
  streams_.PushBack(*stream.release());
}

base::TimePoint DroppedBodies::due() {
  WaitLink* const oldest = streams_.front();
  return oldest == nullptr ? base::TimePoint::max() : static_cast<Stream*>(oldest)->waiting_since_ + longest_;
}

Stream* DroppedBodies::TakeDue(base::TimePoint now) {
  if (due() > now) return nullptr;
  WaitLink* const oldest = streams_.front();
  if (oldest == nullptr) return nullptr;
  oldest->Unlink();
  return static_cast<Stream*>(oldest);
}

}  // namespace hawser::http2
