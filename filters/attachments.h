// Objects that filters attach to a request, or to the tunnel that it becomes: leases, buckets, timers. They live until
// that tunnel or exchange ends and are destroyed last in, first out. An empty list is one null pointer.
#pragma once

#include <forward_list>
#include <memory>
#include <utility>

namespace hawser::filters {

class Attachments {
 public:
  // Returns the object. Its address stays the same until the list is destroyed, also when the list is moved.
  template <typename T>
  T& Attach(std::unique_ptr<T> object) {
    T& attached = *object;
    list_.emplace_front(object.release(),
                        [](void* erased) { std::default_delete<T>()(static_cast<T*>(erased)); });
    return attached;
  }

  void Clear() {
    while (!list_.empty()) list_.pop_front();
  }

 private:
  std::forward_list<std::unique_ptr<void, void (*)(void*)>> list_;
};

}  // namespace hawser::filters
