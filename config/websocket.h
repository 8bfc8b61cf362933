// How a route treats tunnels: what they may carry, how they are kept alive, and how they end.
#pragma once

#include <cstdint>
#include <optional>

#include "config/section.h"
#include "config/values.h"

namespace hawser::config {

enum class KeepaliveTo : uint8_t { kNone, kClient, kBackend, kBoth };

struct Keepalive {
  Duration interval = 30s;  // silence before a ping, less up to an eighth (jitter); 0 turns it off
  Duration timeout = 10s;   // for the pong
  KeepaliveTo to = KeepaliveTo::kClient;
  bool operator==(const Keepalive&) const = default;
};

struct MaxDuration {
  Duration duration = 0s;  // 0: no limit
  double jitter = 0.1;     // part of `duration` by which each tunnel's may be shorter
  bool operator==(const MaxDuration&) const = default;
};

enum class Compression : uint8_t { kPass, kStrip, kOffload };
enum class Inspection : uint8_t { kStrict, kLenient, kOff };
enum class OverRate : uint8_t { kSlowDown, kClose };

struct MessageRateLimit {
  Rate rate;           // 0 turns the limit off
  uint32_t burst = 1;  // one second's worth if left out, as below
  OverRate over_limit = OverRate::kSlowDown;
  bool operator==(const MessageRateLimit&) const = default;
};

struct ByteRateLimit {
  ByteRate rate;
  ByteSize burst{1};
  OverRate over_limit = OverRate::kSlowDown;
  bool operator==(const ByteRateLimit&) const = default;
};

template <class Limit>
struct PerDirection {
  std::optional<Limit> from_client;
  std::optional<Limit> from_backend;
  bool operator==(const PerDirection&) const = default;
};

struct WebSocket {
  Inspection inspection = Inspection::kStrict;
  bool validate_utf8 = true;  // of text; if left out: where inspection is strict
  ByteSize max_frame_bytes;   // of payload as on the wire, as below; 0: no limit
  ByteSize max_message_bytes;
  PerDirection<MessageRateLimit> message_rate;
  PerDirection<ByteRateLimit> byte_rate;
  Keepalive keepalive;
  LostCode backend_lost_code;
  Compression compression = Compression::kPass;
  Duration close_timeout = 5s;           // from the first close frame to the end of both connections
  Duration backend_fin_timeout = 200ms;  // of it, for the backend to end its connection first; 0: hawser does
  Duration idle_timeout = 0s;            // without a message in either direction; 0: no limit
  MaxDuration max_connection_duration;
  ByteSize buffer{64 *
                  1024};  // per direction: read at once, and held at the most while the other side is slow
  ByteSize socket_buffer{256 *
                         1024};  // of kernel memory for each of the two sockets; 0: the kernel's own way
  Duration send_timeout = 60s;   // in which a side takes nothing of what waits for it; 0: no limit
  bool operator==(const WebSocket&) const = default;
};

void Describe(Description& d, const Keepalive& keepalive);
void Describe(Description& d, const MaxDuration& max);
void Describe(Description& d, const MessageRateLimit& limit);
void Describe(Description& d, const ByteRateLimit& limit);
void Describe(Description& d, const PerDirection<MessageRateLimit>& limits);
void Describe(Description& d, const PerDirection<ByteRateLimit>& limits);
void Describe(Description& d, const WebSocket& websocket);

void CheckWebSocket(const WebSocket& websocket, const Checks& checks);

}  // namespace hawser::config
