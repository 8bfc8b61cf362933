#include "proxy/session/handshake_fault.h"

#include "fmt/format.h"

namespace hawser::session {

std::string FaultOfHandshake(http::ClientStream::HeadState read, int status) {
  using HeadState = http::ClientStream::HeadState;
  switch (read) {
    case HeadState::kFinal:
      return status < 500 ? std::string() : fmt::format("answered a WebSocket handshake with {}", status);
    case HeadState::kMalformed: return "answered a WebSocket handshake with no HTTP";
    case HeadState::kBadUpgrade: return "answered a WebSocket handshake with a wrong 101";
    case HeadState::kBlocked:
    case HeadState::kInterim:
    case HeadState::kTunnel:
    case HeadState::kEnded: break;
  }
  return {};
}

}  // namespace hawser::session
