#include "proxy/server/listener.h"

#include <cerrno>
#include <chrono>
#include <cstring>

#include "fmt/format.h"
#include "proxy/base/check.h"
#include "proxy/session/client_connection.h"
#include "spdlog/spdlog.h"

namespace hawser::server {
namespace {

constexpr uint8_t kSocketTag = 0;
constexpr uint8_t kResumeTag = 1;
// What a listener takes of one turn: so many connections, and of those beyond the first only as many as fit
// into the time. The rest waits in the kernel, which reports it again.
constexpr int kAcceptsPerTurn = 64;
constexpr std::chrono::microseconds kAcceptTimePerTurn{200};
constexpr base::Duration kPauseTime{100};

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

Edge::Edge(const session::Snapshot& snapshot) : ip_table(snapshot.config->limits.per_ip_entries) {
  for (const session::ListenerRuntime& listener : snapshot.listeners) {
    caps.push_back(std::make_unique<edge::ConnectionCap>(listener.settings.limits.connections));
  }
}

Listener::Listener(session::WorkerServices& services, session::Backends& backends, Edge& edge,
                   const session::ListenerRuntime& runtime, net::Socket socket)
    : services_(services),
      backends_(backends),
      edge_(edge),
      runtime_(runtime),
      socket_(std::move(socket)),
      target_(*this, kSocketTag),
      resume_(*this, kResumeTag),
      refusals_(10, base::Duration(1000)),
      failures_(1, base::Duration(1000)) {}

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
  if (ready.timer && !HasDescriptors()) return services_.loop.Arm(resume_, kPauseTime);
  if (ready.timer) services_.loop.Modify(socket_.fd(), target_, {.read = true});
  AcceptBatch(kAcceptsPerTurn, services_.loop.ReadClock() + kAcceptTimePerTurn);
}

void Listener::AcceptBatch(int most, base::TimePoint end) {
  const event::Loop& loop = services_.loop;
  for (int i = 0; i < most && (i == 0 || loop.ReadClock() < end); ++i) {
    net::SocketAddress peer;
    net::Socket socket = net::Accept(socket_, peer);
    if (socket.open()) {
      const bool last = net::HasKeptDescriptor(socket);
      Admit(std::move(socket), peer);
      if (last) {
        errno = EMFILE;
        return Pause();
      }
    } else if (errno == EAGAIN) {
      return;
    } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
      return Pause();
    } else {  // only the connection that was to be accepted failed, and it is gone
      services_.stats.Add(stats::Metric::kAcceptOther);
    }
  }
}

// Whether the next connection would get a descriptor that is not kept for others.
bool Listener::HasDescriptors() const {
  const auto next = net::Duplicate(socket_);
  return next.ok() && !net::HasKeptDescriptor(*next);
}

// There are no descriptors, or there is no memory. The connection stays in the kernel's queue, and the loop
// must not spin on it.
void Listener::Pause() {
  services_.stats.Add(stats::Metric::kAcceptNoDescriptor);
  if (failures_.Pass(services_.loop.now())) {
    spdlog::error("listener {}: cannot accept: {}; pausing for {} ms{}", runtime_.settings.name,
                  std::strerror(errno), kPauseTime.count(),
                  errno == EMFILE ? "; a higher limit of open files is needed (ulimit -n, LimitNOFILE)" : "");
  }
  services_.loop.Modify(socket_.fd(), target_, {});
  services_.loop.Arm(resume_, kPauseTime);
}

void Listener::Admit(net::Socket socket, const net::SocketAddress& peer) {
  HAWSER_DCHECK(runtime_.index < edge_.caps.size());
  session::EdgeLeases leases;
  leases.cap = edge_.caps[runtime_.index]->Take();
  if (!leases.cap) return Refuse(std::move(socket), peer, http::Reject::kListenerFull);
  if (!peer.unix_socket() && !net::AnyContains(runtime_.settings.trusted_proxies, peer)) {
    edge::IpTable::Admission admission = edge_.ip_table.Admit(
        static_cast<uint32_t>(runtime_.index), peer.ip(), runtime_.ip_limits, services_.loop.now());
    if (admission.result != edge::AdmitResult::kAdmitted) {
      return Refuse(std::move(socket), peer, RejectOf(admission.result));
    }
    leases.ip = std::move(admission.lease);
  }
  services_.stats.Add(stats::Metric::kConnectionsAccepted);
  session::ClientConnection::Start(services_, backends_, runtime_, std::move(socket), peer,
                                   std::move(leases));
}

// Closes the connection at once, or answers it where the configuration asks for that. A connection that is
// answered stays for a moment, so the number of those is bounded too.
void Listener::Refuse(net::Socket socket, const net::SocketAddress& peer, http::Reject reason) {
  if (const auto suppressed = refusals_.Pass(services_.loop.now())) {
    const auto more =
        *suppressed > 0 ? fmt::format(" ({} more since the last such line)", *suppressed) : std::string();
    spdlog::warn("listener {}: refused {}: {}{}", runtime_.settings.name, peer.ToString(),
                 http::SpecOf(reason).label, more);
  }
  if (runtime_.settings.limits.over_limit == config::OverLimit::kRespond && runtime_.tls == nullptr &&
      services_.sessions.budgets().refusals() < backends_.snapshot()->config->limits.answered_refusals) {
    session::ClientConnection::StartRefused(services_, backends_, runtime_, std::move(socket), peer, reason);
  } else {
    services_.stats.CountReject(reason);
  }
}

}  // namespace hawser::server
