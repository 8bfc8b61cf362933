// What an endpoint's answer to a WebSocket handshake says of its health: 5xx, a wrong 101 and what is no HTTP
// say that it does not serve WebSockets. Anything else is what its application decides.
#pragma once

#include <string>

#include "proxy/http/message_stream.h"

namespace hawser::session {

// In words; empty: nothing is wrong, or no answer has come yet. `status`: of kFinal.
std::string FaultOfHandshake(http::ClientStream::HeadState read, int status);

}  // namespace hawser::session
