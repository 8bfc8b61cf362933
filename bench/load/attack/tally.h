// What an attack did and what was done to it, counted in each process and summed.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace hawser::bench::attack {

enum class Count : uint8_t {
  kAttempts,       // connections begun
  kOpened,         // connections that stood
  kReached,        // of these, the ones on which the attack itself began: behind TLS, behind a 101
  kRefused,        // connects that the proxy's side refused or let time out
  kRejected,       // answered with anything but what was asked for
  kClosed,         // ended in order by the proxy
  kReset,          // reset by the proxy
  kAbandoned,      // ended by the attacker
  kUnits,          // of what the attack sends: hellos, messages, frames, requests, single bytes
  kBytesSent,      // before TLS
  kBytesReceived,  // behind TLS
  kOpenAtEnd,
  kErrors,  // of the attacker itself: no descriptor, no port
};

inline constexpr auto kCountNames = std::to_array<std::string_view>(
    {"attempts", "opened", "reached", "refused", "rejected", "closed", "reset", "abandoned", "units",
     "bytes_sent", "bytes_received", "open_at_end", "errors"});

struct Tally {
  std::array<uint64_t, kCountNames.size()> counts{};

  uint64_t& operator[](Count count) { return counts[static_cast<size_t>(count)]; }
};

}  // namespace hawser::bench::attack
