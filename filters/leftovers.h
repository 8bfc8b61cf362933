// What filters leave behind for as long as the tunnel (or the exchange) lives: leases, buckets, timers; any movable
// object, destroyed with the list, the last one first. An empty list is one null pointer.
#pragma once

#include <forward_list>
#include <memory>
#include <utility>

namespace hawser::filters {

class Leftovers {
 public:
  // Returns the object where it stays until the list goes, moves of the list included.
  template <typename T>
  T& Leave(std::unique_ptr<T> object) {
    T& left = *object;
    list_.emplace_front(object.release(),
                        [](void* erased) { std::default_delete<T>()(static_cast<T*>(erased)); });
    return left;
  }

  void Clear() {
    while (!list_.empty()) list_.pop_front();
  }

 private:
  std::forward_list<std::unique_ptr<void, void (*)(void*)>> list_;
};

}  // namespace hawser::filters
