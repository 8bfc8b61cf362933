// An HTTP/2 client over a Wire, made with nghttp2: it reads frame by frame, and only as far as a test waits
// for something. Frames made by hand can be sent between its own.
#pragma once

#include <nghttp2/nghttp2.h>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "tests/integration/harness/http.h"
#include "tests/integration/harness/wire.h"

namespace hawser::integration {

// What has come on a stream so far.
struct Http2Answer {
  int status = 0;
  std::vector<int> interim;
  std::map<std::string, std::string> fields;
  std::map<std::string, std::string> trailers;
  std::string body;
  int data_frames = 0;
  bool head_done = false;         // a final head has come whole
  bool ended = false;             // END_STREAM
  std::optional<uint32_t> reset;  // the code of RST_STREAM
};

struct Http2Options {
  bool reads = true;        // gives windows back as data comes
  uint32_t window = 65535;  // of each stream
};

class Http2Client {
 public:
  explicit Http2Client(Wire wire, const Http2Options& options = {});
  ~Http2Client();
  Http2Client(const Http2Client&) = delete;
  Http2Client& operator=(const Http2Client&) = delete;

  // Sends a request's head; `open`: a body or a tunnel's bytes follow. Returns the stream.
  int32_t Request(const Fields& fields, bool open);
  int32_t Get(const std::string& path, const Fields& more = {});
  int32_t WebSocket(const std::string& path, const Fields& more = {});
  void Send(int32_t stream, std::string_view bytes);
  void End(int32_t stream, const Fields& trailers = {});
  void Reset(int32_t stream, uint32_t code = NGHTTP2_CANCEL);
  void SendRaw(std::string_view frames) { wire_.Send(frames); }

  // Reads until condition(); false at the end of the connection or at the deadline.
  bool Await(const std::function<bool()>& condition);
  const Http2Answer& AwaitEnd(int32_t stream);  // ended or reset
  const Http2Answer& AwaitHead(int32_t stream);
  // The next `count` bytes of the body, taken.
  std::string Read(int32_t stream, size_t count);
  Http2Answer& at(int32_t stream) { return answers_[stream]; }

  // The code of GOAWAY, notices apart.
  std::optional<uint32_t> goaway() const { return goaway_; }
  bool settings_received() const { return settings_received_; }
  bool extended_connect() const;
  Wire& wire() { return wire_; }

 private:
  struct Callbacks;
  void Flush();
  bool ReadFrame();

  struct Outgoing {
    std::string bytes;
    bool end = false;
    Fields trailers;
  };

  Wire wire_;
  nghttp2_session* session_ = nullptr;
  const bool reads_;
  std::map<int32_t, Http2Answer> answers_;
  std::map<int32_t, Outgoing> outgoing_;
  std::optional<uint32_t> goaway_;
  bool refused_ = false;  // the library takes nothing more
  bool settings_received_ = false;
};

}  // namespace hawser::integration
