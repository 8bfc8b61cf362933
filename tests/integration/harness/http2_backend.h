// A backend's side of an HTTP/2 connection, frame by frame: it reads requests and sends what a test makes of
// them.
#pragma once

#include <nghttp2/nghttp2.h>

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "tests/integration/harness/http2_frames.h"
#include "tests/integration/harness/wire.h"

namespace hawser::integration {

class Http2Backend {
 public:
  // Reads the client's preface and sends SETTINGS that say one thing: whether WebSockets are taken (RFC 8441
  // §3).
  explicit Http2Backend(Wire wire, bool websockets = false);
  ~Http2Backend();
  Http2Backend(const Http2Backend&) = delete;
  Http2Backend& operator=(const Http2Backend&) = delete;

  struct Request {
    uint32_t stream = 0;
    std::map<std::string, std::string> fields;  // pseudo-header fields too
    bool ends = false;                          // END_STREAM stands on its head
  };
  // The next one whose head is one frame. SETTINGS and PINGs that come before are acknowledged. Stream 0: the
  // end.
  Request ReadRequest();
  // The next frame but those.
  std::optional<SeenFrame> ReadFrame();
  void Send(std::string_view frames) { wire_.Send(frames); }
  // A response's head, and whether it is the end.
  static std::string Head(uint32_t stream, int status, bool ends, std::string_view more = {});
  static std::string Data(uint32_t stream, std::string_view bytes, bool ends);
  static std::string Reset(uint32_t stream, uint32_t code);
  Wire& wire() { return wire_; }

 private:
  Wire wire_;
  nghttp2_hd_inflater* inflater_ = nullptr;
};

}  // namespace hawser::integration
