// Names to addresses and services, on an event::Loop: /etc/hosts first, then the DNS servers in their order.
//
//   lookup_ = resolver.FindAddresses("rooms.internal", [this](absl::StatusOr<Addresses> found) { ... });
//
// A server that does not answer in time is asked `dns.attempts` times, turn and turn about with the others;
// one that says that it cannot answer (SERVFAIL, REFUSED) is asked once. Whether A or AAAA records are asked
// for, one after the other, is `dns.ip_family`. At most kMostAsked questions are under way; more lookups
// wait, so that not even the start of a thousand clusters loses packets in a socket's buffer.
//
// Everything on the loop's thread. The system's settings are those of the Setup: Use brings new ones, and
// lookups that are under way begin again with them.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "proxy/event/loop.h"
#include "proxy/resolve/records.h"
#include "proxy/resolve/setup.h"

namespace hawser::resolve {

class Resolver;

// A lookup under way. Destroyed, it is given up: its callback is not called. It must not outlive the
// resolver.
class [[nodiscard]] Lookup {
 public:
  Lookup() = default;
  Lookup(Lookup&& other) noexcept
      : resolver_(std::exchange(other.resolver_, nullptr)), ticket_(other.ticket_) {}
  Lookup& operator=(Lookup&& other) noexcept {
    std::swap(resolver_, other.resolver_);
    std::swap(ticket_, other.ticket_);
    other.GiveUp();
    return *this;
  }
  ~Lookup() { GiveUp(); }

 private:
  friend class Resolver;
  Lookup(Resolver& resolver, uint64_t ticket) : resolver_(&resolver), ticket_(ticket) {}
  void GiveUp();

  Resolver* resolver_ = nullptr;  // null: there is nothing to give up
  uint64_t ticket_ = 0;
};

class Resolver final : public event::IoHandler {
 public:
  // Questions to DNS servers at one time. dnsmasq takes 150 by default (--dns-forward-max).
  static constexpr size_t kMostAsked = 100;

  using OnAddresses = absl::AnyInvocable<void(absl::StatusOr<Addresses>)>;
  using OnServices = absl::AnyInvocable<void(absl::StatusOr<Services>)>;

  Resolver(event::Loop& loop, Setup setup);
  ~Resolver() override;  // after all lookups
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  // Calls `done` once, later and not in this call. An error says why in words: "NXDOMAIN", "no answer in
  // time". `done` may begin and give up lookups.
  Lookup FindAddresses(std::string name, OnAddresses done);
  Lookup FindServices(std::string name, OnServices done);

  // False, and nothing happens: it is what is used already. Not in a `done`.
  bool Use(Setup setup);
  const config::Dns& settings() const { return setup_.settings; }

  // Since the start: lookups begun, and those that found nothing, or only a part.
  uint64_t lookups() const { return lookups_; }
  uint64_t failures() const { return failures_; }

  void OnReady(event::Ready ready) override;

 private:
  friend class Lookup;

  struct Query {
    std::string name;
    std::variant<OnAddresses, OnServices> done;
    int family = 0;                // of the question under way: AF_INET or AF_INET6; 0: none, or of services
    uint32_t asked = 0;            // questions so far, of this family
    uint64_t given_up = 0;         // bits: servers that are not asked again; those behind the 64th are
    std::string_view why = {};     // the best reason so far why this family has no answer
    std::string_view failed = {};  // the reason of a family that is done and has none
    std::string_view none = {};    // what an answer said that had nothing
    Addresses found = {};

    bool for_services() const { return std::holds_alternative<OnServices>(done); }
  };

  Lookup Begin(Query query);
  void GiveUp(uint64_t ticket) { queries_.erase(ticket); }
  void AskWaiting();
  void Start(uint64_t ticket, Query& query);
  bool FindInHosts(uint64_t ticket, const Query& query);
  void StartFamily(uint64_t ticket, Query& query, int family);
  bool AskNext(uint64_t ticket, Query& query);
  void Handle(Reply reply, bool asked);
  bool Continue(Query& query, const Reply& reply);
  bool AskAgain(Query& query, const Reply& reply);
  bool AskOtherFamily(Query& query, const Reply& reply);
  void Tell(Query& query, Services services);

  event::Loop& loop_;
  Setup setup_;
  uint64_t next_ticket_ = 1;
  absl::flat_hash_map<uint64_t, std::unique_ptr<Query>> queries_;  // by ticket; those without an answer
  std::deque<uint64_t> waiting_;                                   // tickets; some are given up
  std::vector<Reply> known_;                                       // from /etc/hosts
  size_t asked_ = 0;                                               // questions that wait for their reply
  uint64_t lookups_ = 0;
  uint64_t failures_ = 0;
};

}  // namespace hawser::resolve
