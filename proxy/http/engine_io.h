// What a proxy has to know of engine.io, the transport of Socket.IO (protocol revisions 3 and 4): a session
// begins with a GET that has the query parameter EIO and no sid, whose answer's body begins with an open
// packet
//
//   0{"sid":"lv_VI97HAXpY6yYWAAAC","upgrades":["websocket"],"pingInterval":25000,...}
//
// and every later request of the session, polling or upgrade to a WebSocket, has the query parameter sid.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "proxy/base/check.h"
#include "proxy/http/head.h"

namespace hawser::http {

// Bytes of the longest session id that hawser remembers. Socket.IO's own have 20.
inline constexpr size_t kLongestEngineIoSession = 128;

// The session that a request belongs to. Empty if it names none, or an id that no server makes: one that is
// too long or has characters other than the unreserved ones (RFC 3986 §2.3).
std::string_view EngineIoSessionOf(const RequestHead& request);

// Whether the answer to this request may begin a session.
bool MayBeginEngineIoSession(const RequestHead& request);

// Whether this answer to such a request may hold an open packet that can be read: a 200 whose content is not
// encoded.
bool MayHoldOpenPacket(const ResponseHead& response);

// Finds the open packet's session id in the first bytes of a body that comes in pieces. Copies at most
// kLookedAt bytes, so that the body need not be held back. Knows the framings around the packet: none
// (revision 4), a length in text or in binary (revision 3), and JSONP.
class OpenPacketReader {
 public:
  static constexpr size_t kLookedAt = 256;
  enum class State : uint8_t { kMore, kFound, kNone };

  // After kFound and kNone more bytes change nothing.
  State Read(std::span<const std::byte> bytes);

  // After kFound; at most kLongestEngineIoSession characters.
  std::string_view session() const {
    HAWSER_DCHECK(state_ == State::kFound);
    return session_;
  }

 private:
  State Parse();

  std::string seen_;
  std::string_view session_;  // in seen_, which grows no more once this is set
  State state_ = State::kMore;
};

}  // namespace hawser::http
