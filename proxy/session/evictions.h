// Which connection of a worker is closed next when descriptors or a listener's connections run out
// (edge/room.h). A connection has a place here while it asks for nothing: before its first complete request,
// between two requests, while the body of a request is on its way, and when all is said. A connection that
// waits for an answer has none, and neither has a tunnel.
//
// Every step is O(1), or O(listeners) where any listener will do. A listener is the id of its name. Loop
// thread only.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <variant>

#include "absl/container/flat_hash_map.h"
#include "proxy/base/clock.h"
#include "proxy/base/intrusive_list.h"
#include "proxy/edge/ip_table.h"
#include "proxy/stats/metrics.h"

namespace hawser::session {

class ClientConnection;
class Http2Connection;

// In the order in which they are closed; within a kind the oldest goes first.
enum class Evictable : uint8_t {
  kNoRequestBadStanding,  // has not brought one complete request, and its address often does not
  kNoRequest,
  kIdle,  // has brought one
  kBody,  // is bringing the body of a request, whose answer has not begun: the one that last did so goes last
  kCount,
};

// For the log: "a connection ...".
std::string_view TextOf(Evictable kind);
stats::Metric MetricOf(Evictable kind);

// The place of one connection, which owns it.
class EvictionPlace : public base::ListLink {
 public:
  using Owner = std::variant<ClientConnection*, Http2Connection*>;
  explicit EvictionPlace(Owner owner) : owner_(owner) {}

  Owner owner() const { return owner_; }
  Evictable kind() const { return kind_; }  // of the last Put
  base::TimePoint since() const { return since_; }

 private:
  friend class Evictions;
  const Owner owner_;
  base::TimePoint since_;
  Evictable kind_ = Evictable::kCount;
};

class Evictions {
 public:
  // Puts the place behind all others of that kind and listener, from wherever it was.
  void Put(EvictionPlace& place, uint32_t listener, Evictable kind, base::TimePoint now);
  // For a new connection.
  void Put(EvictionPlace& place, uint32_t listener, edge::Standing standing, base::TimePoint now) {
    const bool bad = standing == edge::Standing::kBad;
    Put(place, listener, bad ? Evictable::kNoRequestBadStanding : Evictable::kNoRequest, now);
  }

  // Newcomers, and no flood: connections of kNoRequest, as long as there are fewer of them than kFew and none
  // is older than kGrace.
  static constexpr base::Duration kGrace{2000};
  static constexpr int kFew = 16;

  // The one to be closed next, of that listener or of any; null: there is none. If all of kNoRequest are few
  // and came later than `spared`, they are left out.
  EvictionPlace* Next(std::optional<uint32_t> listener = std::nullopt,
                      base::TimePoint spared = base::TimePoint::max());

 private:
  using List = base::IntrusiveList<EvictionPlace>;
  using Kinds = std::array<List, static_cast<size_t>(Evictable::kCount)>;

  static bool AreFew(List& list);
  Kinds& Of(uint32_t listener);

  absl::flat_hash_map<uint32_t, std::unique_ptr<Kinds>> listeners_;  // that have had a connection
};

}  // namespace hawser::session
