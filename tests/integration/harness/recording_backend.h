// A backend that records every byte: it accepts each connection, answers each complete request with the same
// response, and returns what it has received. Runs on a thread of its own.
#pragma once

#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "tests/integration/harness/fake_backend.h"

namespace hawser::integration {

class RecordingBackend {
 public:
  explicit RecordingBackend(std::string response = Response("200 OK", "ok"));
  ~RecordingBackend();
  RecordingBackend(const RecordingBackend&) = delete;
  RecordingBackend& operator=(const RecordingBackend&) = delete;

  const std::string& address() const { return listener_.address(); }
  // Everything that came since the last call, of all connections as it came. Once a request has been
  // answered, it is in there, with all that was sent to this backend before it.
  std::string Take();

 private:
  void Run();
  bool OnReadable(int fd, std::string& unanswered);

  const std::string response_;
  FakeBackend listener_;
  net::Socket stop_;
  std::mutex mutex_;
  std::string received_;  // under mutex_
  std::thread thread_;
};

// The length of the whole HTTP/1.1 request that `bytes` begin with; 0 if it is not whole. Framed by
// Content-Length or chunks, and judged no further.
size_t RequestLength(std::string_view bytes);

}  // namespace hawser::integration
