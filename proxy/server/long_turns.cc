#include "proxy/server/long_turns.h"

#include <chrono>

#include "spdlog/spdlog.h"

namespace hawser::server {

LongTurns::~LongTurns() {
  loop_.WatchTurns(nullptr, kLongest);
  loop_.CancelLater(*this, 0);
}

void LongTurns::OnReady(event::Ready) {
  const auto omitted = lines_.Pass(loop_.now());
  if (!omitted) return;
  const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(loop_.last_turn());
  spdlog::warn("a turn of a worker took {}ms: its other connections waited as long ({} more like it)",
               took.count(), *omitted);
}

}  // namespace hawser::server
