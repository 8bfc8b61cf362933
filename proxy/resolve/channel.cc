#include "proxy/resolve/channel.h"

#include <algorithm>
#include <utility>

#include <ares.h>
#include <netinet/in.h>

#include "fmt/format.h"
#include "proxy/base/check.h"
#include "proxy/resolve/service_records.h"

namespace hawser::resolve {
namespace {

// What fits into one packet of every network (DNS flag day 2020): larger answers come by TCP.
constexpr int kUdpBytes = 1232;

struct Named {
  Outcome outcome;
  std::string_view words;
};

Named NameOf(int status) {
  switch (status) {
    case ARES_SUCCESS: return {Outcome::kFound, ""};
    case ARES_ENOTFOUND: return {Outcome::kNone, "NXDOMAIN"};
    case ARES_ENODATA: return {Outcome::kNone, "no record of this type"};
    case ARES_ETIMEOUT: return {Outcome::kNoAnswer, "no answer in time"};
    case ARES_ESERVFAIL: return {Outcome::kFailed, "SERVFAIL"};
    case ARES_EREFUSED: return {Outcome::kFailed, "REFUSED"};
    case ARES_ENOTIMP: return {Outcome::kFailed, "NOTIMP"};
    case ARES_EFORMERR: return {Outcome::kFailed, "FORMERR"};
    case ARES_ECONNREFUSED: return {Outcome::kFailed, "the DNS server cannot be reached"};
    case ARES_EBADRESP: return {Outcome::kFailed, "malformed answer"};
    case ARES_EBADNAME: return {Outcome::kInvalid, "not a name that DNS can have"};
    default: return {Outcome::kFailed, ares_strerror(status)};
  }
}

net::IpAddress IpOf(int family, const void* address) {
  const auto* const bytes = static_cast<const uint8_t*>(address);
  return family == AF_INET ? net::IpAddress::FromV4(std::span<const uint8_t, 4>(bytes, 4))
                           : net::IpAddress::FromV6(std::span<const uint8_t, 16>(bytes, 16));
}

// 0.0.0.0 and :: mean "blocked" where DNS filters answer with them, and hawser itself where one connects to
// them: they are no addresses of backends.
Addresses AddressesOf(const ares_addrinfo& result) {
  Addresses found;
  for (const ares_addrinfo_cname* cname = result.cnames; cname != nullptr; cname = cname->next) {
    found.ttl = std::min(found.ttl, TtlOf(cname->ttl));
  }
  for (const ares_addrinfo_node* node = result.nodes; node != nullptr; node = node->ai_next) {
    sockaddr_storage native{};
    std::copy_n(reinterpret_cast<const char*>(node->ai_addr), node->ai_addrlen,
                reinterpret_cast<char*>(&native));
    const net::IpAddress ip = net::SocketAddress::FromNative(native, node->ai_addrlen).ip();
    if (ip.unspecified()) continue;
    found.ttl = std::min(found.ttl, TtlOf(node->ai_ttl));
    if (std::find(found.ips.begin(), found.ips.end(), ip) == found.ips.end()) found.ips.push_back(ip);
  }
  return found;
}

int SetServer(ares_channel channel, const net::SocketAddress& server) {
  ares_addr_port_node node{};
  node.family = server.family();
  node.udp_port = node.tcp_port = server.port();
  std::copy_n(server.ip().bytes().data(), server.ip().bytes().size(), reinterpret_cast<uint8_t*>(&node.addr));
  return ares_set_servers_ports(channel, &node);
}

}  // namespace

struct Channel::Question {
  Channel& channel;
  uint64_t ticket;
};

// One try, because the resolver repeats questions and goes to other servers. All answers are passed on,
// errors too: c-ares would call a SERVFAIL a refused connection.
absl::StatusOr<std::unique_ptr<Channel>> Channel::Open(Options options) {
  static const int initialized = ares_library_init(ARES_LIB_INIT_ALL);
  HAWSER_DCHECK(initialized == ARES_SUCCESS);
  std::unique_ptr<Channel> channel(new Channel(options.timeout));
  char dns_alone[] = "b";  // Hosts has the file
  ares_options wanted{};
  wanted.flags = ARES_FLAG_EDNS | ARES_FLAG_NOCHECKRESP | ARES_FLAG_NOALIASES;
  wanted.ednspsz = kUdpBytes;
  wanted.timeout = static_cast<int>(options.timeout.count());
  wanted.tries = 1;
  wanted.lookups = dns_alone;
  wanted.sock_state_cb = &Channel::OnSocket;
  wanted.sock_state_cb_data = channel.get();
  wanted.resolvconf_path = options.resolv_conf.data();
  int status = ares_init_options(&channel->channel_, &wanted,
                                 ARES_OPT_FLAGS | ARES_OPT_EDNSPSZ | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES |
                                     ARES_OPT_LOOKUPS | ARES_OPT_SOCK_STATE_CB | ARES_OPT_RESOLVCONF);
  if (status == ARES_SUCCESS && options.server != nullptr)
    status = SetServer(channel->channel_, *options.server);
  if (status == ARES_SUCCESS) return channel;
  return absl::InternalError(fmt::format("cannot set up name resolution: {}", ares_strerror(status)));
}

Channel::~Channel() {
  user_ = nullptr;
  ares_destroy(channel_);  // which answers all questions
  HAWSER_DCHECK(sockets_.empty());
}

std::vector<net::SocketAddress> Channel::servers() const {
  constexpr uint16_t kPort = 53;
  std::vector<net::SocketAddress> servers;
  ares_addr_port_node* first = nullptr;
  if (ares_get_servers_ports(channel_, &first) != ARES_SUCCESS) return servers;
  for (const ares_addr_port_node* node = first; node != nullptr; node = node->next) {
    const auto port = static_cast<uint16_t>(node->udp_port == 0 ? kPort : node->udp_port);
    servers.emplace_back(IpOf(node->family, &node->addr), port);
  }
  ares_free_data(first);
  return servers;
}

void Channel::Attach(event::Loop& loop, event::IoHandler& user, uint8_t tag) {
  HAWSER_DCHECK(loop_ == nullptr);
  loop_ = &loop;
  user_ = &user;
  tag_ = tag;
}

void Channel::AskAddresses(const std::string& name, int family, uint64_t ticket) {
  HAWSER_DCHECK(loop_ != nullptr && (family == AF_INET || family == AF_INET6));
  ares_addrinfo_hints hints{};
  hints.ai_family = family;
  hints.ai_flags = ARES_AI_NOSORT;
  auto question = std::make_unique<Question>(Question{*this, ticket});
  ares_getaddrinfo(channel_, name.c_str(), nullptr, &hints, &Channel::OnAddresses, question.release());
  Asked();
}

void Channel::AskServices(const std::string& name, uint64_t ticket) {
  HAWSER_DCHECK(loop_ != nullptr);
  auto question = std::make_unique<Question>(Question{*this, ticket});
  ares_search(channel_, name.c_str(), kInternet, kServiceType, &Channel::OnServices, question.release());
  Asked();
}

void Channel::Asked() {
  if (!timer_.armed()) loop_->Arm(timer_, timeout_);
}

void Channel::OnAddresses(void* question, int status, int, ares_addrinfo* result) {
  const std::unique_ptr<Question> asked(static_cast<Question*>(question));
  Reply reply{.ticket = asked->ticket};
  if (status == ARES_SUCCESS) {
    reply.addresses = AddressesOf(*result);
    if (reply.addresses.ips.empty()) status = ARES_ENODATA;
  }
  ares_freeaddrinfo(result);
  std::tie(reply.outcome, reply.words) = std::pair(NameOf(status).outcome, NameOf(status).words);
  asked->channel.Keep(std::move(reply));
}

void Channel::OnServices(void* question, int status, int, unsigned char* answer, int length) {
  const std::unique_ptr<Question> asked(static_cast<Question*>(question));
  Reply reply{.ticket = asked->ticket};
  if (status == ARES_SUCCESS) {
    auto services = ParseServices({answer, static_cast<size_t>(length)});
    if (!services) {
      status = ARES_EBADRESP;
    } else if (services->services.empty()) {
      status = ARES_ENODATA;
    } else {
      reply.services = *std::move(services);
    }
  }
  std::tie(reply.outcome, reply.words) = std::pair(NameOf(status).outcome, NameOf(status).words);
  asked->channel.Keep(std::move(reply));
}

void Channel::Keep(Reply reply) {
  if (user_ == nullptr) return;
  replies_.push_back(std::move(reply));
  loop_->Later(*user_, tag_);
}

std::vector<Reply> Channel::TakeReplies() {
  return std::exchange(replies_, {});
}

void Channel::OnSocket(void* channel, int fd, int readable, int writable) {
  auto& self = *static_cast<Channel*>(channel);
  if (readable == 0 && writable == 0) return self.ForgetSocket(fd);
  self.WatchSocket(fd, {.read = readable != 0, .write = writable != 0});
}

// A socket that cannot be watched is one whose questions get no answer in time.
void Channel::WatchSocket(int fd, event::Interest interest) {
  auto& socket = sockets_[fd];
  if (socket != nullptr) return loop_->Modify(fd, socket->target, interest);
  socket = std::make_unique<Socket>(*this, fd);
  loop_->Add(fd, socket->target, interest).IgnoreError();
}

// c-ares closes it next.
void Channel::ForgetSocket(int fd) {
  const auto found = sockets_.find(fd);
  if (found == sockets_.end()) return;
  loop_->Remove(fd, found->second->target);
  loop_->Retire(std::move(found->second));
  sockets_.erase(found);
}

void Channel::Socket::OnReady(event::Ready ready) {
  channel.Process(ready.readable ? fd : ARES_SOCKET_BAD, ready.writable ? fd : ARES_SOCKET_BAD);
}

void Channel::OnReady(event::Ready) {
  Process(ARES_SOCKET_BAD, ARES_SOCKET_BAD);
  ArmTimer();
}

void Channel::Process(int read_fd, int write_fd) {
  ares_process_fd(channel_, read_fd, write_fd);
}

void Channel::ArmTimer() {
  timeval left{};
  if (ares_timeout(channel_, nullptr, &left) == nullptr) return;
  const auto after = std::chrono::seconds(left.tv_sec) + std::chrono::microseconds(left.tv_usec);
  loop_->Arm(timer_, std::max(std::chrono::ceil<base::Duration>(after), base::Duration(1)));
}

}  // namespace hawser::resolve
