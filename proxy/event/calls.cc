#include "proxy/event/calls.h"

#include <algorithm>

namespace hawser::event {

Calls::Call* Calls::Find(const IoHandler& handler, uint8_t tag) {
  if (indexed()) {
    const auto found = index_.find(KeyOf(handler, tag));
    return found == index_.end() ? nullptr : &calls_[found->second];
  }
  const auto found = std::find_if(calls_.begin(), calls_.end(), [&](const Call& call) {
    return call.handler == &handler && call.ready.tag == tag;
  });
  return found == calls_.end() ? nullptr : &*found;
}

void Calls::Add(IoHandler& handler, Ready ready) {
  if (Call* const asked = Find(handler, ready.tag)) {
    asked->ready.readable |= ready.readable;
    asked->ready.writable |= ready.writable;
    return;
  }
  calls_.push_back({&handler, ready});
  if (!indexed()) return;
  const size_t first = calls_.size() == kFew + 1 ? 0 : calls_.size() - 1;
  for (size_t i = first; i < calls_.size(); ++i) {
    if (calls_[i].handler != nullptr) index_[KeyOf(*calls_[i].handler, calls_[i].ready.tag)] = i;
  }
}

void Calls::TakeBack(const IoHandler& handler, uint8_t tag) {
  Call* const call = Find(handler, tag);
  if (call == nullptr) return;
  call->handler = nullptr;
  if (indexed()) index_.erase(KeyOf(handler, tag));
}

void Calls::TakeBackIf(absl::FunctionRef<bool(const IoHandler&)> condition) {
  for (const Call& call : calls_) {
    if (call.handler != nullptr && condition(*call.handler)) TakeBack(*call.handler, call.ready.tag);
  }
}

void Calls::Clear() {
  calls_.clear();
  index_.clear();
}

}  // namespace hawser::event
