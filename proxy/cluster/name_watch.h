// One name that endpoints come from: asked for again and again, at its TTL within `dns.min_refresh` and
// `dns.max_refresh`. A failure, and an answer without records, keep what is known; they are logged once, and
// so is the first answer after them. The next try then comes after min_refresh, and after twice as long each
// time, up to max_refresh.
//
// Shared by all clusters that have the name; owned by their Discovery. Loop thread only.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "proxy/cluster/held_set.h"
#include "proxy/cluster/source_news.h"
#include "proxy/event/loop.h"
#include "proxy/resolve/resolver.h"

namespace hawser::cluster {

template <typename Record>
class NameWatch final : public event::IoHandler {
 public:
  // Asks at once. `news` is called later, each time.
  NameWatch(event::Loop& loop, resolve::Resolver& resolver, std::string name,
            absl::AnyInvocable<void(News)> news);
  NameWatch(const NameWatch&) = delete;
  NameWatch& operator=(const NameWatch&) = delete;

  const std::string& name() const { return name_; }
  // It has had an answer or a failure.
  bool settled() const { return settled_; }
  const std::vector<Record>& records() const { return held_.records(); }

  // For when the resolver's settings have changed.
  void Ask();

  void OnReady(event::Ready ready) override;

 private:
  void Take(const std::vector<Record>& answer, base::Duration ttl, bool partial);
  void TakeFailure(const absl::Status& status);
  // When a record that is missing may go: only an answer without it, at that time or later, takes it away.
  base::Duration UntilExpiry() const;

  event::Loop& loop_;
  resolve::Resolver& resolver_;
  const std::string name_;
  absl::AnyInvocable<void(News)> news_;
  HeldSet<Record> held_;
  bool settled_ = false;
  uint32_t failures_ = 0;  // in a row
  resolve::Lookup lookup_;
  event::Timer refresh_;
};

using AddressWatch = NameWatch<net::IpAddress>;
using ServiceWatch = NameWatch<resolve::Service>;

}  // namespace hawser::cluster
