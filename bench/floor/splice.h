// Pipes for the floor's splice variant. A pipe is held by a direction only while bytes are in it, so a few
// serve all tunnels and an idle tunnel has none.
#pragma once

#include <memory>
#include <vector>

#include <sys/types.h>

#include "proxy/net/socket.h"

namespace hawser::bench {

struct Pipe {
  net::Socket read;
  net::Socket write;
  size_t held = 0;  // bytes in it
};

class PipePool {
 public:
  std::unique_ptr<Pipe> Take();
  // Only an empty pipe is kept.
  void Give(std::unique_ptr<Pipe> pipe);

 private:
  std::vector<std::unique_ptr<Pipe>> idle_;
};

// Moves bytes from a socket into an empty pipe, or out of a pipe into a socket. As End::Read and End::Write
// return.
ssize_t Fill(Pipe& pipe, int from);
ssize_t Empty(Pipe& pipe, int to);

}  // namespace hawser::bench
