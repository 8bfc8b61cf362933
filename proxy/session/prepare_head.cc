#include "proxy/session/prepare_head.h"

#include <algorithm>
#include <array>
#include <utility>

#include "proxy/http/forwarded.h"
#include "proxy/http/hop_by_hop.h"
#include "proxy/session/logged_target.h"

namespace hawser::session {
namespace {

using http::Reject;

// False: the listener refuses such a head. Before any field is removed.
bool MeetUnderscorePolicy(config::UnderscorePolicy policy, http::RequestHead& head,
                          stats::WorkerStats& stats) {
  switch (policy) {
    case config::UnderscorePolicy::kReject:
      return std::none_of(head.headers.begin(), head.headers.end(), http::HasUnderscore);
    case config::UnderscorePolicy::kDrop:
      stats.Add(stats::Metric::kHeadersWithUnderscore, head.headers.RemoveIf(http::HasUnderscore));
      return true;
    case config::UnderscorePolicy::kAllow: return true;
  }
  return true;
}

void FillRecord(WorkerServices& services, const ListenerRuntime& listener, const net::SocketAddress& peer,
                bool tls, http::RequestHead& head, http::TextArena& arena, const config::AccessLog& log,
                RequestRecord& record) {
  http::RemoveHopByHop(head);
  const config::Listener& settings = listener.settings;
  http::Peer from{.trusted = net::AnyContains(settings.trusted_proxies, peer),
                  .tls = tls,
                  .port = listener.port,
                  .trusted_proxies = settings.trusted_proxies,
                  .send_real_ip = settings.forwarded.x_real_ip};
  if (!peer.unix_socket()) from.ip = peer.ip();
  const auto [client, request_id] = http::SetForwarded(head, from, services.via, services.random, arena);
  std::array<char, kLongestTarget> room;
  record.text = RequestText(request_id, head.method, head.authority, LoggedTarget(head.target, log, room));
  record.client = client.value_or(net::IpAddress());
  record.client_port = from.ip == client ? peer.port() : uint16_t{0};
  record.tls = tls;
  record.version = head.version;
  record.listener = listener.name;
  record.start = services.loop.now();
}

void NormalizeHandshake(http::RequestHead& head) {
  head.method = "GET";
  head.protocol = {};
  head.body = false;
  head.headers.Remove("Sec-WebSocket-Key");
}

}  // namespace

PreparedHead PrepareHead(WorkerServices& services, const ListenerRuntime& listener,
                         const net::SocketAddress& peer, bool tls, http::RequestHead& head,
                         http::TextArena& arena, const config::AccessLog& log, RequestRecord& record) {
  http::Classification classification = http::Classify(head);
  const bool sound_names =
      MeetUnderscorePolicy(listener.settings.headers_with_underscores, head, services.stats);
  const bool looped = services.via.IsIn(head.headers);  // before FillRecord, which adds our own entry
  FillRecord(services, listener, peer, tls, head, arena, log, record);
  const Reject reject = classification.reject != Reject::kNone ? classification.reject
                        : !sound_names                         ? Reject::kUnderscoreInHeader
                        : looped                               ? Reject::kLoopDetected
                                                               : Reject::kNone;
  // A refusal is answered by the method that the client sent: behind a HEAD it has no body.
  if (classification.upgrade.websocket && reject == Reject::kNone) NormalizeHandshake(head);
  return {.upgrade = std::move(classification.upgrade), .reject = reject};
}

}  // namespace hawser::session
