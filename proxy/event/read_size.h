// How much to read at once where bytes may cost much more than their number: thousands of small frames, or
// bytes that are compressed on their way. Learnt from the read before: while bytes are cheap nothing is
// bounded. A plain value of two bytes.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>

namespace hawser::event {

class ReadSize {
 public:
  static constexpr size_t kLeast = 4 * 1024;

  bool bounded() const { return work_per_byte_ > kCheap; }
  // The size of the next read, at most `most`, of which the caller may do `left` work.
  size_t Of(size_t most, size_t left) const {
    if (!bounded()) return most;
    return std::min(most, std::max(left / work_per_byte_, kLeast));
  }

  // A read of `bytes` has caused `work`.
  void Note(size_t bytes, uint64_t work) {
    constexpr uint64_t kMost = std::numeric_limits<uint16_t>::max();
    work_per_byte_ = bytes < kLeast / 2 ? 0 : static_cast<uint16_t>(std::min(work / bytes, kMost));
  }

 private:
  static constexpr uint16_t kCheap = 4;  // a byte that is read, decrypted, encrypted and written

  uint16_t work_per_byte_ = 0;  // 0: too little was read to tell
};

}  // namespace hawser::event
