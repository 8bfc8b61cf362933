// How tunnels are closed that must go: when the process ends, and when a reload takes their listener or
// route.
#pragma once

#include "config/section.h"
#include "config/values.h"

namespace hawser::config {

// What a drain's deadline leaves behind its window, for the tunnels whose turn comes last.
inline constexpr Duration kTimeToClose = 30s;

struct ReloadDrain {
  Duration window = 30s;  // as below; its deadline is kTimeToClose behind it
  CloseCode code{1012};
  bool operator==(const ReloadDrain&) const = default;
};

struct Drain {
  Duration window = 30s;    // closes are spread over it
  Duration deadline = 60s;  // from SIGTERM to the end; window + 30s if left out
  CloseCode code;
  ReloadDrain reload;
  bool operator==(const Drain&) const = default;
};

void Describe(Description& d, const ReloadDrain& reload);
void Describe(Description& d, const Drain& drain);

void CheckDrain(const Drain& drain, const Checks& checks);

}  // namespace hawser::config
