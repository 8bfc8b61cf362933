#include "proxy/server/reloads.h"

#include <utility>

#include "proxy/base/check.h"

namespace hawser::server {

void Reloads::Ask(Done done) {
  next_.push_back(std::move(done));
  if (!under_way_) Begin();
}

void Reloads::Begin() {
  HAWSER_DCHECK(waiting_.empty());
  waiting_ = std::exchange(next_, {});
  under_way_ = true;
  begin_();
}

void Reloads::Finish(const ReloadResult& result) {
  HAWSER_DCHECK(under_way_);
  ++counts_[static_cast<size_t>(result.kind)];
  const bool success =
      result.kind == ReloadResult::Kind::kApplied || result.kind == ReloadResult::Kind::kUnchanged;
  if (success) last_success_ = std::chrono::system_clock::now();
  // Whoever is told may ask again: that is for the next one.
  for (Done& done : std::exchange(waiting_, {})) {
    if (done) done(result);
  }
  under_way_ = false;
  if (!next_.empty()) Begin();
}

}  // namespace hawser::server
