#include "proxy/cluster/name_watch.h"

#include <algorithm>
#include <type_traits>
#include <utility>

#include "spdlog/spdlog.h"

namespace hawser::cluster {
namespace {

template <typename Record>
constexpr std::string_view kWhat = std::is_same_v<Record, net::IpAddress> ? "addresses" : "services";

void WarnOf(std::string_view name, const absl::Status& status, std::string_view what, size_t known) {
  const std::string why(status.message());
  if (known == 0) return spdlog::warn("cannot resolve {}: {}", name, why);
  spdlog::warn("cannot resolve {}: {}; its last {} stay in use ({})", name, why, what, known);
}

}  // namespace

template <typename Record>
NameWatch<Record>::NameWatch(event::Loop& loop, resolve::Resolver& resolver, std::string name,
                             absl::AnyInvocable<void(News)> news)
    : loop_(loop), resolver_(resolver), name_(std::move(name)), news_(std::move(news)), refresh_(*this) {
  Ask();
}

template <typename Record>
void NameWatch<Record>::Ask() {
  refresh_.Cancel();
  if constexpr (std::is_same_v<Record, net::IpAddress>) {
    lookup_ = resolver_.FindAddresses(name_, [this](absl::StatusOr<resolve::Addresses> found) {
      found.ok() ? Take(found->ips, found->ttl, found->partial) : TakeFailure(found.status());
    });
  } else {
    lookup_ = resolver_.FindServices(name_, [this](absl::StatusOr<resolve::Services> found) {
      found.ok() ? Take(found->services, found->ttl, false) : TakeFailure(found.status());
    });
  }
}

template <typename Record>
void NameWatch<Record>::OnReady(event::Ready) {
  Ask();
}

template <typename Record>
void NameWatch<Record>::Take(const std::vector<Record>& answer, base::Duration ttl, bool partial) {
  const config::Dns& dns = resolver_.settings();
  if (failures_ > 0) spdlog::info("{} is resolved again", name_);
  failures_ = 0;
  settled_ = true;
  held_.Take(answer, partial, loop_.now());
  if (!partial) held_.Expire(loop_.now(), dns.hold);
  loop_.Arm(refresh_, std::min(std::clamp(ttl, dns.min_refresh, dns.max_refresh), UntilExpiry()));
  news_(News::kAnswer);
}

template <typename Record>
void NameWatch<Record>::TakeFailure(const absl::Status& status) {
  const config::Dns& dns = resolver_.settings();
  if (failures_ == 0) WarnOf(name_, status, kWhat<Record>, records().size());
  constexpr uint32_t kMostDoublings = 16;
  settled_ = true;
  loop_.Arm(refresh_,
            std::min(dns.min_refresh * (1 << std::min(failures_, kMostDoublings)), dns.max_refresh));
  ++failures_;
  news_(News::kFailure);
}

template <typename Record>
base::Duration NameWatch<Record>::UntilExpiry() const {
  const auto since = held_.missing_since();
  if (!since) return base::Duration::max();
  const config::Dns& dns = resolver_.settings();
  return std::max(std::chrono::ceil<base::Duration>(*since + dns.hold - loop_.now()), dns.min_refresh);
}

template class NameWatch<net::IpAddress>;
template class NameWatch<resolve::Service>;

}  // namespace hawser::cluster
