#include "proxy/net/buffer.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "proxy/base/check.h"

namespace hawser::net {

BufferPool::~BufferPool() {
  HAWSER_DCHECK(in_use_ == 0);
  while (idle_ != nullptr) std::free(std::exchange(idle_, idle_->next));
}

Slab* BufferPool::Take() {
  ++in_use_;
  Slab* slab = idle_;
  if (slab != nullptr) {
    idle_ = slab->next;
    --idle_count_;
  } else {
    slab = static_cast<Slab*>(std::malloc(sizeof(Slab)));
    if (slab == nullptr) std::abort();  // as operator new would end, without exceptions
  }
  slab->pool = this;
  slab->next = nullptr;
  slab->begin = slab->end = 0;
  return slab;
}

void BufferPool::Give(Slab* slab) {
  HAWSER_DCHECK(slab->pool == this && in_use_ > 0);
  --in_use_;
  if (idle_count_ >= max_idle_) {
    std::free(slab);
    return;
  }
  slab->next = idle_;
  idle_ = slab;
  ++idle_count_;
}

size_t Buffer::size() const {
  if (last_ == nullptr) return 0;
  size_t total = last_->end - last_->begin;
  for (const Slab* slab = last_->next; slab != last_; slab = slab->next) total += slab->end - slab->begin;
  return total;
}

void Buffer::Append(BufferPool& pool, std::span<const std::byte> bytes) {
  HAWSER_DCHECK(last_ == nullptr || last_->pool == &pool);
  while (!bytes.empty()) {
    if (last_ == nullptr) {
      last_ = pool.Take();
      last_->next = last_;
    } else if (last_->end == Slab::kBytes) {
      Slab* added = pool.Take();
      added->next = std::exchange(last_->next, added);
      last_ = added;
    }
    const size_t count = std::min(bytes.size(), Slab::kBytes - last_->end);
    std::memcpy(last_->data + last_->end, bytes.data(), count);
    last_->end += count;
    bytes = bytes.subspan(count);
  }
}

std::span<const std::byte> Buffer::front() const {
  if (last_ == nullptr) return {};
  const Slab* first = last_->next;
  return {first->data + first->begin, first->end - first->begin};
}

void Buffer::Consume(size_t count) {
  while (count > 0) {
    HAWSER_DCHECK(last_ != nullptr);
    Slab* first = last_->next;
    const size_t taken = std::min(count, first->end - first->begin);
    first->begin += taken;
    count -= taken;
    if (first->begin == first->end) DropFirst();
  }
}

void Buffer::DropFirst() {
  Slab* first = last_->next;
  if (first == last_) {
    last_ = nullptr;
  } else {
    last_->next = first->next;
  }
  first->pool->Give(first);
}

void Buffer::Clear() {
  while (last_ != nullptr) DropFirst();
}

}  // namespace hawser::net
