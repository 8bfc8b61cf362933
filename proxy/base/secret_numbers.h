// Random numbers that nobody outside can predict from those that it has seen: mask keys (RFC 6455 §5.3) and the secrets
// of keepalive pings. From the kernel, 64 at a time. One owner, one thread.
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
