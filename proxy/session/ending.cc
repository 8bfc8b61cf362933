#include "proxy/session/ending.h"

#include "proxy/ws/frame.h"

namespace hawser::session {

using http::Reject;

Ending Ending::OfRequest(Reject reason) {
  Ending ending;
  ending.closed_by = http::SpecOf(reason).closed_by;
  ending.reason = reason;
  ending.close_code = 0;
  return ending;
}

uint16_t Ending::AnswerCode() const {
  return ws::MayBeSent(close_code) ? close_code : 1000;
}

std::string_view Ending::text() const {
  return violation != ws::Violation::kNone ? ws::SpecOf(violation).text : http::SpecOf(reason).text;
}

Outcome Ending::outcome() const {
  const http::RejectSpec& spec = http::SpecOf(reason);
  const bool ordinary = reason == Reject::kNone;
  return {.closed_by = closed_by,
          .close_code = close_code,
          .reason = ordinary ? "" : spec.label,
          .flag = ordinary ? "" : spec.flag,
          .violation = ws::SpecOf(violation).label,
          .offender = violation == ws::Violation::kNone ? "" : NameOf(offender)};
}

std::optional<Ending::Judgement> Ending::judgement(bool pipe) const {
  using cluster::TunnelEnd;
  constexpr uint16_t kFailed = 1011;  // RFC 6455 §7.4.1
  constexpr Judgement kInOrder{TunnelEnd::kNormal, {}};
  if (pipe && (reason != Reject::kBackendLost || !reset)) return std::nullopt;
  if (reason == Reject::kNone && closed_by == ClosedBy::kBackend)
    return close_code == kFailed ? Judgement{TunnelEnd::kFault, "closed a tunnel with 1011"} : kInOrder;
  if (reason == Reject::kNone && closed_by == ClosedBy::kClient && answered) return kInOrder;
  if (reason == Reject::kBackendLost) {
    return Judgement{TunnelEnd::kLost, reset ? "reset a tunnel" : "ended a tunnel without a close frame"};
  }
  if (reason == Reject::kPongTimeout && offender == Peer::kBackend)
    return Judgement{TunnelEnd::kFault, "did not answer a ping"};
  return std::nullopt;
}

ClosedBy ClosedByOf(Peer peer) {
  return peer == Peer::kClient ? ClosedBy::kClient : ClosedBy::kBackend;
}

Reject LossOf(Peer lost) {
  return lost == Peer::kClient ? Reject::kClientLost : Reject::kBackendLost;
}

Reject RejectOf(ws::Violation violation) {
  switch (violation) {
    case ws::Violation::kInvalidUtf8: return Reject::kInvalidUtf8;
    case ws::Violation::kFrameTooLarge: return Reject::kFrameTooLarge;
    case ws::Violation::kMessageTooLarge: return Reject::kMessageTooLarge;
    case ws::Violation::kMessageRate: return Reject::kMessageRate;
    case ws::Violation::kByteRate: return Reject::kByteRate;
    default: return Reject::kProtocolError;
  }
}

}  // namespace hawser::session
