#include "proxy/net/buffer.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace hawser::net {

BufferPool::~BufferPool() {
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
  size_t total = 0;
  for (const Slab* slab = head_; slab != nullptr; slab = slab->next) total += slab->end - slab->begin;
  return total;
}

void Buffer::Append(BufferPool& pool, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    if (head_ == nullptr) {
      head_ = tail_ = pool.Take();
    } else if (tail_->end == Slab::kBytes) {
      tail_->next = pool.Take();
      tail_ = tail_->next;
    }
    const size_t count = std::min(bytes.size(), Slab::kBytes - tail_->end);
    std::memcpy(tail_->data + tail_->end, bytes.data(), count);
    tail_->end += count;
    bytes = bytes.subspan(count);
  }
}

std::span<const std::byte> Buffer::front() const {
  if (head_ == nullptr) return {};
  return {head_->data + head_->begin, head_->end - head_->begin};
}

void Buffer::Consume(size_t count) {
  while (count > 0) {
    const size_t taken = std::min(count, head_->end - head_->begin);
    head_->begin += taken;
    count -= taken;
    if (head_->begin == head_->end) {
      Slab* empty = head_;
      head_ = empty->next;
      empty->pool->Give(empty);
    }
  }
}

void Buffer::Clear() {
  while (head_ != nullptr) {
    Slab* slab = head_;
    head_ = slab->next;
    slab->pool->Give(slab);
  }
}

}  // namespace hawser::net
