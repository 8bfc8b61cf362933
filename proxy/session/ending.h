// Why a request or a tunnel ends: set once, when the ending begins. A tunnel's close frames, the counters and
// the line in the access log come from this. A plain value.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "proxy/cluster/health.h"
#include "proxy/http/reject.h"
#include "proxy/session/peer.h"
#include "proxy/session/record.h"
#include "proxy/ws/violation.h"

namespace hawser::session {

struct Ending {
  // The end of a request: refused or given up for `reason`; none: its response was complete.
  static Ending OfRequest(http::Reject reason);

  ClosedBy closed_by = ClosedBy::kNobody;
  http::Reject reason = http::Reject::kNone;  // none: a close handshake that a peer began
  uint16_t close_code = 1006;                 // RFC 6455 §7.1.5: as the client saw or sent it; a request: 0
  // The rule that `offender` broke, if it was one of RFC 6455.
  ws::Violation violation = ws::Violation::kNone;
  // Who that was, or who did not answer a ping.
  Peer offender : 1 = Peer::kClient;
  bool reset : 1 = false;     // a lost peer's connection was broken, not ended
  bool answered : 1 = false;  // the backend has answered the client's close frame with its own

  // The code that answers a close frame with close_code (RFC 6455 §5.5.1): the same, if it may be sent.
  uint16_t AnswerCode() const;
  // The reason that hawser's own close frames give.
  std::string_view text() const;
  // For the log.
  Outcome outcome() const;

  // What it says of the health of a tunnel's endpoint; nothing where it says nothing. Only what the backend
  // did counts: not a client that leaves, not a rule that was broken (a client may make a backend break one),
  // not hawser's own reasons. `pipe`: no frame was seen, and the end of a direction may be in order.
  struct Judgement {
    cluster::TunnelEnd end;
    std::string_view why;  // in words, of a fault
  };
  std::optional<Judgement> judgement(bool pipe) const;
};

// The ClosedBy of a tunnel that `peer` ended.
ClosedBy ClosedByOf(Peer peer);
// The reason when `lost` has gone without a close frame.
http::Reject LossOf(Peer lost);

http::Reject RejectOf(ws::Violation violation);

}  // namespace hawser::session
