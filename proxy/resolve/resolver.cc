#include "proxy/resolve/resolver.h"

#include <algorithm>
#include <functional>
#include <iterator>

#include <sys/socket.h>

#include "proxy/base/check.h"

namespace hawser::resolve {
namespace {

using config::IpFamily;

int FirstFamily(IpFamily wanted) {
  return wanted == IpFamily::kIpv6 ? AF_INET6 : AF_INET;
}

// Of the addresses in /etc/hosts, those that are wanted.
std::vector<net::IpAddress> Wanted(std::vector<net::IpAddress> ips, IpFamily wanted) {
  const auto v4 = [](const net::IpAddress& ip) { return ip.v4(); };
  const bool only_v4 =
      wanted == IpFamily::kIpv4 || (wanted == IpFamily::kAuto && std::any_of(ips.begin(), ips.end(), v4));
  if (only_v4) std::erase_if(ips, std::not_fn(v4));
  if (wanted == IpFamily::kIpv6) std::erase_if(ips, v4);
  return ips;
}

// Of a server, in Query::given_up.
uint64_t Bit(uint32_t server) {
  return server < 64 ? uint64_t{1} << server : 0;
}

}  // namespace

void Lookup::GiveUp() {
  if (resolver_ != nullptr) std::exchange(resolver_, nullptr)->GiveUp(ticket_);
}

Resolver::Resolver(event::Loop& loop, Setup setup) : loop_(loop) {
  Use(std::move(setup));
}

Resolver::~Resolver() {
  HAWSER_DCHECK(queries_.empty());
  loop_.CancelLater(*this, 0);
}

bool Resolver::Use(Setup setup) {
  HAWSER_DCHECK(!setup.servers.empty());
  if (!setup_.servers.empty() && setup == setup_) return false;
  for (auto& channel : setup_.servers) loop_.Retire(std::move(channel));
  setup_ = std::move(setup);
  for (const auto& channel : setup_.servers) channel->Attach(loop_, *this, 0);
  asked_ = 0;
  known_.clear();
  waiting_.clear();
  for (auto& [ticket, query] : queries_) {
    waiting_.push_back(ticket);
  }
  std::sort(waiting_.begin(), waiting_.end());
  AskWaiting();
  return true;
}

Lookup Resolver::FindAddresses(std::string name, OnAddresses done) {
  return Begin({.name = std::move(name), .done = std::move(done)});
}

Lookup Resolver::FindServices(std::string name, OnServices done) {
  return Begin({.name = std::move(name), .done = std::move(done)});
}

Lookup Resolver::Begin(Query query) {
  ++lookups_;
  const uint64_t ticket = next_ticket_++;
  queries_.emplace(ticket, std::make_unique<Query>(std::move(query)));
  waiting_.push_back(ticket);
  AskWaiting();
  return {*this, ticket};
}

void Resolver::AskWaiting() {
  while (!waiting_.empty() && asked_ < kMostAsked) {
    const uint64_t ticket = waiting_.front();
    waiting_.pop_front();
    if (const auto found = queries_.find(ticket); found != queries_.end()) Start(ticket, *found->second);
  }
}

void Resolver::Start(uint64_t ticket, Query& query) {
  query.found = {};
  query.failed = query.none = {};
  if (query.for_services()) return StartFamily(ticket, query, 0);
  if (!FindInHosts(ticket, query)) StartFamily(ticket, query, FirstFamily(setup_.settings.ip_family));
}

bool Resolver::FindInHosts(uint64_t ticket, const Query& query) {
  std::vector<net::IpAddress> ips = Wanted(setup_.hosts.Find(query.name), setup_.settings.ip_family);
  if (ips.empty()) return false;
  known_.push_back({.ticket = ticket, .outcome = Outcome::kFound, .addresses = {.ips = std::move(ips)}});
  loop_.Later(*this, 0);
  return true;
}

void Resolver::StartFamily(uint64_t ticket, Query& query, int family) {
  query.family = family;
  query.asked = 0;
  query.given_up = 0;
  query.why = {};
  AskNext(ticket, query);
}

// False: no server is left that might answer.
bool Resolver::AskNext(uint64_t ticket, Query& query) {
  const auto servers = static_cast<uint32_t>(setup_.servers.size());
  while (query.asked < servers * setup_.settings.attempts) {
    const uint32_t server = query.asked++ % servers;
    if ((query.given_up & Bit(server)) != 0) continue;
    ++asked_;
    Channel& channel = *setup_.servers[server];
    query.for_services() ? channel.AskServices(query.name, ticket)
                         : channel.AskAddresses(query.name, query.family, ticket);
    return true;
  }
  return false;
}

void Resolver::OnReady(event::Ready) {
  for (Reply& reply : std::exchange(known_, {})) Handle(std::move(reply), false);
  std::vector<Reply> replies;
  for (const auto& channel : setup_.servers) {
    std::vector<Reply> more = channel->TakeReplies();
    HAWSER_DCHECK(more.size() <= asked_);
    asked_ -= more.size();
    std::move(more.begin(), more.end(), std::back_inserter(replies));
  }
  for (Reply& reply : replies) Handle(std::move(reply), true);
  AskWaiting();
}

void Resolver::Handle(Reply reply, bool asked) {
  const auto found = queries_.find(reply.ticket);
  if (found == queries_.end()) return;  // given up
  if (asked && Continue(*found->second, reply)) return;
  const std::unique_ptr<Query> query = std::move(found->second);
  queries_.erase(found);
  if (!asked) query->found = std::move(reply.addresses);
  Tell(*query, std::move(reply.services));
}

// Whether another question follows a reply: to another server, or for the other family.
bool Resolver::Continue(Query& query, const Reply& reply) {
  if (reply.outcome == Outcome::kNoAnswer || reply.outcome == Outcome::kFailed) {
    if (AskAgain(query, reply)) return true;
    query.failed = query.why;
  } else if (reply.outcome == Outcome::kInvalid) {
    query.failed = reply.words;
  } else if (reply.outcome == Outcome::kNone && query.none.empty()) {
    query.none = reply.words;
  }
  return !query.for_services() && AskOtherFamily(query, reply);
}

bool Resolver::AskAgain(Query& query, const Reply& reply) {
  const bool said = reply.outcome == Outcome::kFailed;  // the server itself
  if (said) query.given_up |= Bit((query.asked - 1) % static_cast<uint32_t>(setup_.servers.size()));
  if (said || query.why.empty()) query.why = reply.words;
  return AskNext(reply.ticket, query);
}

bool Resolver::AskOtherFamily(Query& query, const Reply& reply) {
  query.found.ttl = std::min(query.found.ttl, reply.addresses.ttl);
  query.found.ips.insert(query.found.ips.end(), reply.addresses.ips.begin(), reply.addresses.ips.end());
  const IpFamily wanted = setup_.settings.ip_family;
  const bool other =
      query.family == AF_INET &&
      (wanted == IpFamily::kBoth || (wanted == IpFamily::kAuto && reply.outcome == Outcome::kNone));
  if (other) StartFamily(reply.ticket, query, AF_INET6);
  return other;
}

void Resolver::Tell(Query& query, Services services) {
  const bool nothing = query.for_services() ? services.services.empty() : query.found.ips.empty();
  absl::Status error;
  if (nothing || !query.failed.empty()) ++failures_;
  if (nothing) {
    error = query.failed.empty() ? absl::NotFoundError(std::string(query.none))
                                 : absl::UnavailableError(std::string(query.failed));
  }
  query.found.partial = !query.failed.empty();
  if (auto* const done = std::get_if<OnAddresses>(&query.done)) {
    nothing ? (*done)(std::move(error)) : (*done)(std::move(query.found));
  } else {
    nothing ? std::get<OnServices>(query.done)(std::move(error))
            : std::get<OnServices>(query.done)(std::move(services));
  }
}

}  // namespace hawser::resolve
