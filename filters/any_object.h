// Owns an object whose type only its maker knows, for lists of objects of different types. Null by default.
// An object with a method OnTunnel(base::TunnelId) can be told of the tunnel that it is attached to.
#pragma once

#include <memory>

#include "proxy/base/check.h"
#include "proxy/base/tunnel_id.h"

namespace hawser::filters {

class AnyObject {
 public:
  AnyObject() = default;
  template <typename T>
  explicit AnyObject(std::unique_ptr<T> object) : object_(object.release(), {&kCalls<T>}) {}

  explicit operator bool() const { return object_ != nullptr; }

  // `T` must be the type that it was made of.
  template <typename T>
  T& As() const {
    HAWSER_DCHECK(object_ != nullptr && object_.get_deleter().calls == &kCalls<T>);
    return *static_cast<T*>(object_.get());
  }

  // Not for null.
  void OnTunnel(const base::TunnelId& tunnel) const {
    HAWSER_DCHECK(object_ != nullptr);
    object_.get_deleter().calls->on_tunnel(object_.get(), tunnel);
  }

 private:
  struct Calls {
    void (*destroy)(void*);
    void (*on_tunnel)(void*, const base::TunnelId&);
  };
  struct Destroy {
    const Calls* calls;
    void operator()(void* object) const { calls->destroy(object); }
  };

  template <typename T>
  static void DestroyIt(void* object) {
    std::default_delete<T>()(static_cast<T*>(object));
  }
  template <typename T>
  static void TellIt(void* object, const base::TunnelId& tunnel) {
    if constexpr (requires(T & it) { it.OnTunnel(tunnel); }) static_cast<T*>(object)->OnTunnel(tunnel);
  }
  template <typename T>
  static constexpr Calls kCalls{DestroyIt<T>, TellIt<T>};

  std::unique_ptr<void, Destroy> object_{nullptr, {nullptr}};
};

}  // namespace hawser::filters
