// The compression contexts of one worker. A context is taken for one message and given back at its end, so an
// idle tunnel has none. The number in use is bounded, for each direction separately. A few unused ones are
// kept for the next message. Loop thread only; outlives its leases.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <vector>

#include "proxy/base/counter.h"
#include "proxy/ws/deflate.h"

namespace hawser::ws {

// Where it is counted; payload bytes of compressed messages only. In is client to backend.
struct DeflateCounters {
  base::Counter& inflaters_in_use;
  base::Counter& deflaters_in_use;
  base::Counter& inflaters_refused;
  base::Counter& deflaters_refused;
  base::Counter& compressed_in;
  base::Counter& plain_in;
  base::Counter& compressed_out;
  base::Counter& plain_out;
};

class DeflatePool {
 public:
  struct GiveBack {
    DeflatePool* pool = nullptr;
    void operator()(Inflater* inflater) const { pool->Return(inflater); }
    void operator()(Deflater* deflater) const { pool->Return(deflater); }
  };
  using InflaterLease = std::unique_ptr<Inflater, GiveBack>;
  using DeflaterLease = std::unique_ptr<Deflater, GiveBack>;

  // At most `most` inflaters and as many deflaters are in use at once.
  DeflatePool(size_t most, DeflateCounters counters) : most_(most), counters_(counters) {}
  DeflatePool(const DeflatePool&) = delete;
  DeflatePool& operator=(const DeflatePool&) = delete;

  // Null at the bound, and if memory ran out; counted. Ready for a new message.
  InflaterLease TakeInflater();
  DeflaterLease TakeDeflater(int window_bits);

  // From now on. Those that are out stay, also where they are more.
  void SetMost(size_t most) { most_ = most; }

  DeflateCounters& counters() { return counters_; }

 private:
  static constexpr size_t kMaxIdle = 16;

  void Return(Inflater* inflater);
  void Return(Deflater* deflater);

  size_t most_;
  DeflateCounters counters_;
  std::vector<std::unique_ptr<Inflater>> idle_inflaters_;
  // By their window's bits.
  std::array<std::vector<std::unique_ptr<Deflater>>, Deflater::kMaxWindowBits + 1> idle_deflaters_;
};

}  // namespace hawser::ws
