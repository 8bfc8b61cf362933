// Many WebSocket clients on the test's own thread: they connect all at once, hold their tunnels, and come back
// when these end, if they are told to.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "proxy/net/socket.h"
#include "tests/integration/harness/deadline.h"
#include "tests/integration/harness/http.h"

namespace hawser::integration {

struct CrowdOptions {
  bool comes_back = false;              // a client whose tunnel ended connects again, with its cookie
  std::chrono::milliseconds pause{10};  // before it does
  Request request = {};
};

class Crowd {
 public:
  // What became of one client so far.
  struct Client {
    bool open = false;
    int opened = 0;        // handshakes that were answered 101
    int ended = 0;         // tunnels that were not ended by this client
    int refused = 0;       // handshakes that were answered otherwise, or not at all
    int status = 0;        // of the last answer
    int close_code = 0;    // of the last close frame; 0: none came
    std::string backend;   // X-Backend of the last 101
    std::string backends;  // all of them, each with a space behind it
    std::string cookie;    // as it is sent back
    std::string retry_after;
    Clock::time_point opened_at;
  };

  explicit Crowd(std::string address, CrowdOptions options = {});
  ~Crowd();
  Crowd(const Crowd&) = delete;
  Crowd& operator=(const Crowd&) = delete;

  // So many more begin to connect. Returns at once.
  void Add(int count);
  // Serves all of them until condition(); whether it held before the deadline.
  bool RunUntil(const std::function<bool()>& condition);
  // Serves them once, for `wait` at the most.
  void Turn(std::chrono::milliseconds wait);
  // Sends a message through every open tunnel and waits for the echoes: how many came back.
  int Echoes();
  // The client ends its tunnel with 1000, and does not come back.
  void Leave(size_t client);
  void LeaveAll();

  const std::vector<Client>& clients() const { return clients_; }
  int open() const { return open_; }
  // Clients that have tunnels to this backend.
  int open_at(const std::string& backend) const;

 private:
  struct Line {
    net::Socket socket;
    std::string received;
    bool asked = false;  // the handshake has been sent
    bool tunnel = false;
  };

  void Begin(size_t client);
  void Ask(size_t client);
  void OnReadable(size_t client);
  // Whether the connection goes on.
  bool TakeHead(size_t client);
  bool TakeFrames(size_t client);
  void End(size_t client, bool left);

  const std::string address_;
  const CrowdOptions options_;
  net::Socket epoll_;
  std::vector<Client> clients_;
  std::vector<Line> lines_;  // of the same clients
  std::deque<std::pair<Clock::time_point, size_t>> coming_back_;
  int open_ = 0;
  int echoes_ = 0;
};

}  // namespace hawser::integration
