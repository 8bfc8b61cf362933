// The command line: one struct for the client modes, one for the attacks, one for the backend.
#pragma once

#include <string>
#include <vector>

#include <sys/types.h>

namespace hawser::bench {

struct Options {
  std::string target = "127.0.0.1:8080";
  std::string host = "bench.example.com";  // Host, and the server name of TLS
  std::string path = "/";
  std::vector<std::string> headers;
  bool tls = false;
  std::string tls_version;  // "1.2", "1.3" or either
  bool resume = false;      // offer TLS tickets
  bool http2 = false;       // RFC 8441: each tunnel on a stream of a connection of its own
  int sources = 0;          // local addresses from 127.0.0.1 on; 0: the kernel's choice
  int first_source = 0;     // how many addresses behind 127.0.0.1 they begin
  size_t size = 125;        // payload bytes of a message
  bool text = false;
  bool verify = false;

  size_t connections = 1;
  size_t outstanding = 1;   // messages under way on each connection (echo)
  double rate = 1000;       // messages a second over all connections (rate)
  double seconds = 3;       // of the measured window
  double interval = 1;      // seconds between two messages of a tunnel (honest)
  double deadline = 10;     // seconds a visit may take (newcomers)
  double hold = 0;          // idle: seconds to hold the tunnels; 0: until `quit` or a signal
  double warmup = 0.5;      // seconds before the window
  uint64_t count = 0;       // ends the window after so many messages or handshakes instead of seconds
  size_t opening = 64;      // connections opened at the same time
  size_t processes = 0;     // idle: 0 is one for each 15,000 connections
  bool echo_first = false;  // idle: one message on every tunnel once all are open

  std::vector<pid_t> observe;  // processes whose CPU time in the window is reported
  bool json = false;
};

struct AttackOptions {
  std::string kind;
  std::string target = "127.0.0.1:8080";
  std::string host = "bench.example.com";
  std::string path = "/attack";
  bool tls = false;
  std::string first_source = "127.64.0.1";
  size_t sources = 1000;   // addresses from the first on
  double seconds = 10;     // 0: until a signal, or the end of stdin
  bool until_eof = false;  // the end of stdin ends the attack as well
  // 0: the kind's own.
  size_t connections = 0;  // at once, over all processes
  double rate = 0;         // connections begun, a second, over all processes
  double interval = 0;     // seconds between two bytes of a connection that is slow
  bool json = false;
};

struct BackendOptions {
  std::vector<std::string> listen = {"127.0.0.1:9000"};
  int workers = 1;
  std::string certificate;  // with private_key: TLS on every address
  std::string private_key;
  bool commands = false;  // a text message `send N` is answered with N bytes of binary messages
};

// Each runs one sub-command and returns the exit status: 0 only when nothing failed.
int RunEcho(const Options& options);
int RunRate(const Options& options);
int RunChurn(const Options& options);
int RunIdle(const Options& options);
int RunAttack(const AttackOptions& options);
int RunHonest(const Options& options);
int RunNewcomers(const Options& options);
int RunBackend(const BackendOptions& options);

}  // namespace hawser::bench
