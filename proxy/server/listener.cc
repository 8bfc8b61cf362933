#include "proxy/server/listener.h"

#include <cerrno>
#include <chrono>
#include <cstring>

#include <poll.h>

#include "fmt/format.h"
#include "proxy/session/client_connection.h"
#include "spdlog/spdlog.h"

namespace hawser::server {
namespace {

constexpr uint8_t kSocketTag = 0;
constexpr uint8_t kResumeTag = 1;
// What a listener takes of one turn: so many connections, and of those beyond the first only as many as fit
// into the time. The rest waits in the kernel, which reports it again.
constexpr int kAcceptsPerTurn = 64;
constexpr std::chrono::microseconds kAcceptTimePerTurn{100};
constexpr base::Duration kPauseTime{100};

using Left = session::Sessions::Left;

Left LeftOf(const edge::Room& room) {
  return room.left == 0 ? Left::kNothing : Left::kSome;
}

http::Reject RejectOf(edge::AdmitResult result) {
  switch (result) {
    case edge::AdmitResult::kTooManyConnections: return http::Reject::kTooManyConnections;
    case edge::AdmitResult::kRateExceeded: return http::Reject::kConnectionRate;
    case edge::AdmitResult::kTableFull: return http::Reject::kIpTableFull;
    case edge::AdmitResult::kAdmitted: break;
  }
  return http::Reject::kNone;
}

}  // namespace

Edge::Edge(const session::Snapshot& snapshot) : ip_table(snapshot.config->limits.per_ip_entries) {}

Listener::Listener(session::WorkerServices& services, session::Backends& backends, Edge& edge,
                   std::shared_ptr<const session::ListenerRuntime> runtime, net::Socket socket)
    : services_(services),
      backends_(backends),
      edge_(edge),
      runtime_(std::move(runtime)),
      socket_(std::move(socket)),
      target_(*this, kSocketTag),
      resume_(*this, kResumeTag),
      refusals_(10, base::Duration(1000)),
      failures_(1, base::Duration(1000)),
      evictions_(1, base::Duration(1000)) {}

Listener::~Listener() {
  if (socket_.open()) services_.loop.Remove(socket_.fd(), target_);
}

absl::Status Listener::Start() {
  return services_.loop.Add(socket_.fd(), target_, {.read = true});
}

void Listener::Stop() {
  if (!socket_.open()) return;
  AcceptBatch(1 << 16, base::TimePoint::max());
  services_.loop.Remove(socket_.fd(), target_);
  socket_.Reset();
  resume_.Cancel();  // AcceptBatch may have armed it
}

void Listener::OnReady(event::Ready ready) {
  if (ready.timer && !HasDescriptors() && !EvictForDescriptor()) {
    return services_.loop.Arm(resume_, kPauseTime);
  }
  if (ready.timer) services_.loop.Modify(socket_.fd(), target_, {.read = true});
  AcceptBatch(kAcceptsPerTurn, services_.loop.ReadClock() + kAcceptTimePerTurn);
}

void Listener::AcceptBatch(int most, base::TimePoint end) {
  const event::Loop& loop = services_.loop;
  for (int i = 0; i < most && (i == 0 || loop.ReadClock() < end); ++i) {
    switch (Accept()) {
      case Accepted::kOne: break;
      case Accepted::kNobody: return;
      case Accepted::kNoRoom: return Pause();
    }
  }
}

// Where somebody can be closed, connections do not wait for want of descriptors.
Listener::Accepted Listener::Accept() {
  net::SocketAddress peer;
  net::Socket socket = net::Accept(socket_, peer);
  if (socket.open()) {
    const bool room = !net::HasKeptDescriptor(socket) || EvictForDescriptor();
    Admit(std::move(socket), peer);
    if (room) return Accepted::kOne;
    errno = EMFILE;
    return Accepted::kNoRoom;
  }
  switch (errno) {
    case EAGAIN: return Accepted::kNobody;
    case EMFILE:  // also when nobody waits
      if (!SomebodyWaits()) return Accepted::kNobody;
      if (EvictForDescriptor()) return Accepted::kOne;
      errno = EMFILE;
      return Accepted::kNoRoom;
    case ENFILE:
    case ENOBUFS:
    case ENOMEM: return Accepted::kNoRoom;
    default: break;
  }
  services_.stats.Add(stats::Metric::kAcceptOther);  // it is gone, and only this one
  return Accepted::kOne;
}

bool Listener::SomebodyWaits() const {
  pollfd listening{.fd = socket_.fd(), .events = POLLIN, .revents = 0};
  return poll(&listening, 1, 0) != 0;
}

bool Listener::EvictForConnection(Left left) {
  return Evict(runtime_->name.id(), "connections of the listener", left);
}

bool Listener::EvictForDescriptor(Left left) {
  return Evict(std::nullopt, "open files", left);
}

// A worker closes its own connections only. If others have all of them, it pauses, or refuses.
bool Listener::Evict(std::optional<uint32_t> listener, std::string_view scarce, Left left) {
  const auto evicted = services_.sessions.Evict(listener, session::Sessions::Unread::kServed, left);
  if (!evicted) return false;
  if (const auto suppressed = evictions_.Pass(services_.loop.now())) {
    spdlog::warn("listener {}: {} are short: closed a connection {}{}", runtime_->settings.name, scarce,
                 session::TextOf(*evicted),
                 *suppressed > 0 ? fmt::format(" ({} more since the last such line)", *suppressed) : "");
  }
  return true;
}

// Two descriptors for a connection: the second is its backend's.
void Listener::MakeRoom(const edge::ConnectionCap& cap) {
  const double reserve = backends_.snapshot()->config->limits.reserve;
  for (int i = 0; i < 2; ++i) {
    const edge::Room descriptors = edge::DescriptorRoom(reserve);
    if (!descriptors.scarce() || !EvictForDescriptor(LeftOf(descriptors))) break;
  }
  const edge::Room connections = edge::RoomOf(cap, reserve);
  if (connections.scarce()) EvictForConnection(LeftOf(connections));
}

// Whether the next connection would get a descriptor that is not kept for others.
bool Listener::HasDescriptors() const {
  const auto next = net::Duplicate(socket_);
  return next.ok() && !net::HasKeptDescriptor(*next);
}

// There are no descriptors and nobody can be closed, or there is no memory. The connection stays in the
// kernel's queue, and the loop must not spin on it.
void Listener::Pause() {
  services_.stats.Add(stats::Metric::kAcceptNoDescriptor);
  if (failures_.Pass(services_.loop.now())) {
    spdlog::error("listener {}: cannot accept: {}; pausing for {} ms{}", runtime_->settings.name,
                  std::strerror(errno), kPauseTime.count(),
                  errno == EMFILE ? "; a higher limit of open files is needed (ulimit -n, LimitNOFILE)" : "");
  }
  services_.loop.Modify(socket_.fd(), target_, {});
  services_.loop.Arm(resume_, kPauseTime);
}

void Listener::Admit(net::Socket socket, const net::SocketAddress& peer) {
  edge::ConnectionCap& cap = *runtime_->cap;
  const bool full = cap.open() >= cap.limit();
  if (full && services_.sessions.evictions().Next(runtime_->name.id()) == nullptr) {
    return Refuse(std::move(socket), peer, http::Reject::kListenerFull);
  }
  session::EdgeLeases leases;
  if (!peer.unix_socket() && !net::AnyContains(runtime_->settings.trusted_proxies, peer)) {
    edge::IpTable::Admission admission =
        edge_.ip_table.Admit(runtime_->name.id(), peer.ip(), runtime_->ip_limits, services_.loop.now());
    if (admission.result != edge::AdmitResult::kAdmitted) {
      return Refuse(std::move(socket), peer, RejectOf(admission.result));
    }
    leases.ip = std::move(admission.lease);
  }
  MakeRoom(cap);  // for those only that are within their own limits
  leases.cap = cap.Take();
  if (!leases.cap) {  // another worker was faster
    leases.ip.Excuse();
    return Refuse(std::move(socket), peer, http::Reject::kListenerFull);
  }
  services_.stats.Add(stats::Metric::kConnectionsAccepted);
  runtime_->group->Add(services_.worker, stats::PartCount::kConnections);
  session::ClientConnection::Start(services_, backends_, runtime_, std::move(socket), peer,
                                   std::move(leases));
}

// Closes the connection at once, or answers it where the configuration asks for that. A connection that is
// answered stays for a moment, so the number of those is bounded too.
void Listener::Refuse(net::Socket socket, const net::SocketAddress& peer, http::Reject reason) {
  if (const auto suppressed = refusals_.Pass(services_.loop.now())) {
    const auto more =
        *suppressed > 0 ? fmt::format(" ({} more since the last such line)", *suppressed) : std::string();
    spdlog::warn("listener {}: refused {}: {}{}", runtime_->settings.name, peer.ToString(),
                 http::SpecOf(reason).label, more);
  }
  if (runtime_->settings.limits.over_limit == config::OverLimit::kRespond && runtime_->tls == nullptr &&
      services_.sessions.budgets().refusals() < backends_.snapshot()->config->limits.answered_refusals) {
    session::ClientConnection::StartRefused(services_, backends_, runtime_, std::move(socket), peer, reason);
  } else {
    services_.stats.CountReject(reason);
  }
}

}  // namespace hawser::server
