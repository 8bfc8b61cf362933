// Backends. A FakeBackend is a listener whose connections the test takes one by one and talks over byte by
// byte; an EchoBackend answers by itself, on a thread of its own, as many clients as come.
#pragma once

#include <atomic>
#include <string>
#include <thread>

#include "proxy/net/socket.h"
#include "tests/integration/harness/http.h"
#include "tests/integration/harness/wire.h"

namespace hawser::integration {

class FakeBackend {
 public:
  // Port 0 is chosen by the kernel. A port of before is how a backend restarts.
  explicit FakeBackend(const std::string& address = "127.0.0.1:0", int backlog = 1024);

  const std::string& address() const { return address_; }
  // The next connection; not open() at the deadline, which fails the test.
  Wire Accept();
  // Whether a connection waits to be accepted now.
  bool contacted() const;
  int fd() const { return socket_.fd(); }
  // Stops listening.
  void Stop() { socket_.Reset(); }

 private:
  net::Socket socket_;
  std::string address_;
};

// Answers every upgrade with a 101 that has the field `X-Backend: <name>`, echoes messages frame by frame,
// answers pings and closes; answers any other request with 200 and its name.
class EchoBackend {
 public:
  explicit EchoBackend(std::string name, const std::string& address = "127.0.0.1:0");
  ~EchoBackend();
  EchoBackend(const EchoBackend&) = delete;
  EchoBackend& operator=(const EchoBackend&) = delete;

  const std::string& address() const { return listener_.address(); }
  int requests() const { return requests_; }  // so far
  int open() const { return open_; }          // connections now

 private:
  void Run();

  const std::string name_;
  FakeBackend listener_;
  net::Socket stop_;
  std::atomic<int> requests_ = 0;
  std::atomic<int> open_ = 0;
  std::thread thread_;
};

}  // namespace hawser::integration
