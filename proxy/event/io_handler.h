// The only upward call of the code base: the loop calls the owner of a descriptor, a stream or a timer when
// that can go on. One of the six virtual interfaces.
#pragma once

#include <cstdint>

namespace hawser::event {

struct Ready {
  bool readable = false;  // bytes, an end or an error wait to be read
  bool writable = false;
  bool timer = false;
  // An error or a hang-up: nothing moves any more. What came before it may still be read.
  bool hung_up = false;
  // Which of the handler's descriptors, streams or timers; chosen at registration, at most kMostTag.
  uint8_t tag = 0;

  static constexpr uint8_t kMostTag = 7;
};

class IoHandler {
 public:
  virtual ~IoHandler() = default;
  virtual void OnReady(Ready ready) = 0;
};

}  // namespace hawser::event
