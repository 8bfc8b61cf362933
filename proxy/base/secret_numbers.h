// Random numbers that nobody can predict from those seen before: mask keys (RFC 6455 §5.3) and the secrets of
// keepalive pings. They come from the kernel, 64 at a time. One owner, one thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace hawser::base {

class SecretNumbers {
 public:
  // Ends the process if the kernel has no random source.
  uint64_t Next();

 private:
  std::array<uint64_t, 64> numbers_;
  size_t used_ = 64;
};

}  // namespace hawser::base
