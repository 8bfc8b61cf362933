// The handshake firewall (RFC 6455 §4, RFC 8441 §5): decides whether a request asks for a WebSocket, refuses
// every handshake that is not exactly right instead of repairing it, and opens a tunnel only for a backend's
// answer that is exactly right too. Results are views into the heads that they were read from.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/http/head.h"
#include "proxy/http/reject.h"

namespace hawser::http {

struct UpgradeRequest {
  bool websocket = false;  // false: a plain request, and all else is empty
  std::string_view key;    // Sec-WebSocket-Key; empty for an extended CONNECT, which has none
  std::vector<std::string_view> subprotocols;  // offered, the client's favourite first
  std::vector<std::string_view> extensions;    // names offered, without their parameters
};

struct Classification {
  Reject reject = Reject::kNone;
  UpgradeRequest upgrade;  // whole when nothing is rejected; `websocket` in any case
};

// Before hop-by-hop fields are removed. An Upgrade to anything but WebSocket is ignored, as RFC 9110 §7.8
// allows: the request is plain, and RemoveHopByHop drops the field.
Classification Classify(const RequestHead& head);

enum class UpgradeAnswer : uint8_t {
  kTunnel,  // 101, and right: the tunnel is open
  kRelay,   // any other status: an ordinary response
  kBroken,  // a 101 that is wrong or was not requested: Reject::kBadBackendUpgrade
};

// Checks a backend's final HTTP/1.1 response (the caller handles interim ones) against the request and the
// key that the backend got. A length or a transfer coding, which some servers send, has no meaning in a 101
// (RFC 9112 §6.3); RemoveHopByHop drops both.
UpgradeAnswer CheckResponse(const ResponseHead& response, const UpgradeRequest& request,
                            std::string_view key);

// Whether a response chooses at most one subprotocol and only what was offered, no extension twice (RFC 6455
// §4.1): nothing else has to be checked in an answer to an extended CONNECT.
bool KeepsToTheOffer(const HeaderList& headers, const UpgradeRequest& request);

// Whether the response that opened a tunnel agreed on `extension`, with any parameters.
bool HasExtension(const ResponseHead& response, std::string_view extension);

// Sec-WebSocket-Accept for a key (RFC 6455 §4.2.2): base64 of SHA-1 of the key and the protocol's GUID, 28
// characters. Ends the process if OpenSSL can make none.
std::string AcceptFor(std::string_view key);

// A fresh Sec-WebSocket-Key: 16 random bytes in base64 (RFC 6455 §4.1). Ends the process if there is no
// randomness.
std::string NewKey();

// The fields of a WebSocket handshake that RemoveHopByHop has removed: Connection and Upgrade.
void AddUpgradeFields(HeaderList& headers);

}  // namespace hawser::http
