#include "proxy/base/secret_numbers.h"

#include <cstdlib>
#include <utility>

#include <sys/random.h>

namespace hawser::base {

uint64_t SecretNumbers::Next() {
  if (used_ == numbers_.size()) {
    // Up to 256 bytes are never cut short, but 512 may be by a signal.
    if (getrandom(numbers_.data(), 256, 0) != 256 || getrandom(numbers_.data() + 32, 256, 0) != 256)
      std::abort();
    used_ = 0;
  }
  return std::exchange(numbers_[used_++], 0);
}

}  // namespace hawser::base
