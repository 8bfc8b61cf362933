// Owns an object whose type only its maker knows, for lists of objects of different types. Null by default.
#pragma once

#include <memory>

#include "proxy/base/check.h"

namespace hawser::filters {

class AnyObject {
 public:
  AnyObject() = default;
  template <typename T>
  explicit AnyObject(std::unique_ptr<T> object) : object_(object.release(), Destroy<T>) {}

  explicit operator bool() const { return object_ != nullptr; }

  // `T` must be the type that it was made of.
  template <typename T>
  T& As() const {
    HAWSER_DCHECK(object_ != nullptr && object_.get_deleter() == &Destroy<T>);
    return *static_cast<T*>(object_.get());
  }

 private:
  template <typename T>
  static void Destroy(void* object) {
    std::default_delete<T>()(static_cast<T*>(object));
  }

  std::unique_ptr<void, void (*)(void*)> object_{nullptr, nullptr};
};

}  // namespace hawser::filters
