// Objects that filters attach to a request, or to the tunnel that it becomes: leases, buckets, timers. They
// live until that tunnel or exchange ends and are destroyed last in, first out. An empty list is one null
// pointer.
#pragma once

#include <forward_list>
#include <iterator>
#include <memory>
#include <utility>

#include "filters/any_object.h"

namespace hawser::filters {

class Attachments {
 public:
  // Returns the object. Its address stays the same until the list is destroyed, also when the list is moved.
  template <typename T>
  T& Attach(std::unique_ptr<T> object) {
    HAWSER_DCHECK(object != nullptr);
    return list_.emplace_front(std::move(object)).template As<T>();
  }

  // The same for an object that is to be destroyed after all that are attached now.
  template <typename T>
  void AttachBehind(std::unique_ptr<T> object) {
    auto last = list_.before_begin();
    while (std::next(last) != list_.end()) ++last;
    list_.insert_after(last, AnyObject(std::move(object)));
  }

  // The tunnel that they are attached to has opened: tells those that want to know (any_object.h).
  void OnTunnel(const base::TunnelId& tunnel) const {
    for (const AnyObject& object : list_) object.OnTunnel(tunnel);
  }

  bool empty() const { return list_.empty(); }
  void Clear() {
    while (!list_.empty()) list_.pop_front();
  }

 private:
  std::forward_list<AnyObject> list_;
};

}  // namespace hawser::filters
