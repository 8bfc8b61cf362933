// Calls that handlers have asked a loop for, in the order of the requests. Few calls are searched one by one,
// many by an index. Part of Loop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/function_ref.h"
#include "proxy/event/io_handler.h"

namespace hawser::event {

class Calls {
 public:
  struct Call {
    IoHandler* handler;  // null once taken back
    Ready ready;
  };

  bool empty() const { return calls_.empty(); }
  size_t size() const { return calls_.size(); }
  const Call& operator[](size_t i) const { return calls_[i]; }
  // Two requests under one tag are one call with what both ask for.
  void Add(IoHandler& handler, Ready ready);
  void TakeBack(const IoHandler& handler, uint8_t tag);
  void TakeBackIf(absl::FunctionRef<bool(const IoHandler&)> condition);
  void Clear();

  static constexpr size_t kFew = 8;  // as many are searched faster than hashed

 private:
  static uintptr_t KeyOf(const IoHandler& handler, uint8_t tag) {
    return reinterpret_cast<uintptr_t>(&handler) | tag;  // as in Target
  }
  bool indexed() const { return calls_.size() > kFew; }
  Call* Find(const IoHandler& handler, uint8_t tag);

  std::vector<Call> calls_;
  absl::flat_hash_map<uintptr_t, size_t> index_;  // filled while indexed()
};

}  // namespace hawser::event
