// The only upward call of the code base: the loop tells the owner of a descriptor, a stream or a timer that it may
// go on. One of the six virtual interfaces.
#pragma once

#include <cstdint>

namespace hawser::event {

struct Ready {
  bool readable = false;  // bytes, an end or an error wait to be read
  bool writable = false;
  bool timer = false;
  bool hung_up =
      false;  // an error or a hang-up: nothing moves any more, though what came before may still be read
  uint8_t tag = 0;  // which of the handler's descriptors, streams or timers; chosen at registration, 0 to 7
};

class IoHandler {
 public:
  virtual ~IoHandler() = default;
  virtual void OnReady(Ready ready) = 0;
};

}  // namespace hawser::event
