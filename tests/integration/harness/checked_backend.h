// A backend whose health a test turns on and off while it serves: what it answers to requests, whether it
// opens WebSockets, and whether it answers pings there. On a thread of its own, as many clients as come.
#pragma once

#include <atomic>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "proxy/net/socket.h"
#include "tests/integration/harness/fake_backend.h"
#include "tests/integration/harness/http.h"

namespace hawser::integration {

class CheckedBackend {
 public:
  explicit CheckedBackend(const std::string& address = "127.0.0.1:0");
  ~CheckedBackend();
  CheckedBackend(const CheckedBackend&) = delete;
  CheckedBackend& operator=(const CheckedBackend&) = delete;

  const std::string& address() const { return listener_.address(); }
  std::string port() const { return address().substr(address().rfind(':') + 1); }

  std::atomic<int> status = 200;        // of requests that are no handshakes; 0: no answer
  std::atomic<bool> websockets = true;  // false: handshakes get 503
  std::atomic<bool> pongs = true;       // false: pings get no answer
  // The next requests that are no handshakes get these, one each.
  void Play(std::vector<int> statuses);

  int connections() const { return connections_; }  // ever
  int requests() const { return requests_; }        // that are no handshakes
  int handshakes() const { return handshakes_; }
  int closes() const { return closes_; }  // close frames with 1000
  Head last() const;                      // of all heads

 private:
  class Connection;
  void Run();
  std::string Answer(const Head& head);

  const FakeBackend listener_;
  net::Socket stop_;
  std::atomic<int> connections_ = 0;
  std::atomic<int> requests_ = 0;
  std::atomic<int> handshakes_ = 0;
  std::atomic<int> closes_ = 0;
  mutable std::mutex mutex_;
  std::vector<int> script_;  // under it
  Head last_;                // under it
  std::thread thread_;
};

}  // namespace hawser::integration
