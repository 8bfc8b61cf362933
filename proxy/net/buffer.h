// Bytes that could not be sent yet: a chain of 16 KiB slabs from a pool that the worker owns. A Buffer is one
// pointer, and an empty one holds no slab: two of them stand in every tunnel.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

namespace hawser::net {

class BufferPool;

struct Slab {
  static constexpr size_t kBytes = 16 * 1024 - 32;
  BufferPool* pool;
  Slab* next;
  size_t begin;  // the bytes in use are [begin, end) of data
  size_t end;
  std::byte data[kBytes];
};

// One per worker; must outlive its buffers. Keeps up to `max_idle` slabs for reuse and frees the others.
class BufferPool {
 public:
  explicit BufferPool(size_t max_idle = 64) : max_idle_(max_idle) {}
  BufferPool(const BufferPool&) = delete;
  BufferPool& operator=(const BufferPool&) = delete;
  ~BufferPool();

  size_t in_use() const { return in_use_; }  // slabs that buffers hold now

 private:
  friend class Buffer;
  Slab* Take();
  void Give(Slab* slab);

  const size_t max_idle_;
  size_t idle_count_ = 0;
  size_t in_use_ = 0;
  Slab* idle_ = nullptr;
};

class Buffer {
 public:
  Buffer() = default;
  Buffer(Buffer&& other) noexcept : last_(std::exchange(other.last_, nullptr)) {}
  Buffer& operator=(Buffer&& other) noexcept {
    if (this != &other) {
      Clear();
      last_ = std::exchange(other.last_, nullptr);
    }
    return *this;
  }
  ~Buffer() { Clear(); }

  bool empty() const { return last_ == nullptr; }
  size_t size() const;  // O(slabs)

  // `pool` is the one that its other slabs are from.
  void Append(BufferPool& pool, std::span<const std::byte> bytes);
  // The first bytes that lie together; empty only when the buffer is.
  std::span<const std::byte> front() const;
  // Drops the first `count` bytes, at most size() of them; a slab returns to its pool with its last byte.
  void Consume(size_t count);
  void Clear();

 private:
  void DropFirst();

  Slab* last_ = nullptr;  // its `next` is the first: the chain is a ring
};

}  // namespace hawser::net
