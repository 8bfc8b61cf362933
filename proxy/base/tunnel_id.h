// The name of one tunnel of this process: for the admin pages, the access log, and whoever wants to reach a
// tunnel later without keeping it. A plain value; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace hawser::base {

struct TunnelId {
  uint16_t worker = 0;
  uint32_t slot = 0;        // of that worker's; another tunnel may have it later
  uint32_t generation = 0;  // tells the tunnels of one slot apart; 0: no tunnel

  explicit operator bool() const { return generation != 0; }
  bool operator==(const TunnelId&) const = default;

  std::string ToString() const;  // "2-41-7": worker, slot, generation; empty for no tunnel
  // What ToString gives for a tunnel, and nothing else.
  static std::optional<TunnelId> Parse(std::string_view text);
};

}  // namespace hawser::base
