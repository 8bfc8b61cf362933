#include "proxy/ws/deflate_pool.h"

#include <utility>

#include "proxy/base/check.h"

namespace hawser::ws {
namespace {

// One that waits, or a new one unless `full`; null then.
template <typename Context, typename Create>
std::unique_ptr<Context> Take(std::vector<std::unique_ptr<Context>>& idle, bool full, Create create) {
  if (full) return nullptr;
  if (idle.empty()) return create();
  std::unique_ptr<Context> context = std::move(idle.back());
  idle.pop_back();
  return context;
}

template <typename Context>
void KeepIdle(std::vector<std::unique_ptr<Context>>& idle, size_t most, Context* context) {
  std::unique_ptr<Context> owned(context);
  if (idle.size() >= most) return;
  context->Reset();
  idle.push_back(std::move(owned));
}

}  // namespace

DeflatePool::InflaterLease DeflatePool::TakeInflater() {
  auto inflater = Take(idle_inflaters_, counters_.inflaters_in_use.Get() >= most_, &Inflater::Create);
  (inflater != nullptr ? counters_.inflaters_in_use : counters_.inflaters_refused).Add(1);
  return InflaterLease(inflater.release(), {this});
}

DeflatePool::DeflaterLease DeflatePool::TakeDeflater(int window_bits) {
  HAWSER_DCHECK(window_bits >= Deflater::kMinWindowBits && window_bits <= Deflater::kMaxWindowBits);
  auto deflater =
      Take(idle_deflaters_[static_cast<size_t>(window_bits)], counters_.deflaters_in_use.Get() >= most_,
           [window_bits] { return Deflater::Create(window_bits); });
  (deflater != nullptr ? counters_.deflaters_in_use : counters_.deflaters_refused).Add(1);
  return DeflaterLease(deflater.release(), {this});
}

void DeflatePool::Return(Inflater* inflater) {
  HAWSER_DCHECK(counters_.inflaters_in_use.Get() > 0);
  counters_.inflaters_in_use.Subtract(1);
  KeepIdle(idle_inflaters_, kMaxIdle, inflater);
}

void DeflatePool::Return(Deflater* deflater) {
  HAWSER_DCHECK(counters_.deflaters_in_use.Get() > 0);
  counters_.deflaters_in_use.Subtract(1);
  KeepIdle(idle_deflaters_[static_cast<size_t>(deflater->window_bits())], kMaxIdle, deflater);
}

}  // namespace hawser::ws
