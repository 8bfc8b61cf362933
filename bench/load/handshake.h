// The opening handshake of RFC 6455 §4, both roles: a client's request and its check of the 101, a backend's
// answer.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace hawser::bench {

// The Sec-WebSocket-Accept that answers `key`.
std::string AcceptFor(std::string_view key);

// Sixteen bytes that differ for every `number`, in base64.
std::string KeyFor(uint64_t number);

// A client's whole request head. `headers` are lines without their CRLF.
std::string UpgradeRequest(std::string_view host, std::string_view path, std::string_view key,
                           const std::vector<std::string>& headers);

// The error in the answer to a request with `key`; empty when it opens the tunnel.
std::string WrongAnswer(std::string_view head, std::string_view key);

// The bytes of the body that follows a request head, as its Content-Length says.
size_t BodyLength(std::string_view head);

// A backend's answer to a whole request head: a 101, which takes the first subprotocol offered; 125 bytes of
// text to a GET that is no upgrade, and to a POST with a Content-Length; else a 400.
std::string AnswerTo(std::string_view head);

}  // namespace hawser::bench
