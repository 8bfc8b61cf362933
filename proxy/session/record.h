// The facts about one request from its head to its end: the source of its access-log line and of its row on
// the admin page. Made when the head is complete, owned by the exchange and then by the tunnel. The client's
// text is packed into one allocation; everything else is counted and shared with the configuration.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "proxy/base/clock.h"
#include "proxy/base/name.h"
#include "proxy/cluster/affinity.h"
#include "proxy/cluster/endpoint.h"
#include "proxy/http/head.h"
#include "proxy/http/reject.h"
#include "proxy/net/address.h"
#include "proxy/route/route.h"

namespace hawser::session {

using http::ClosedBy;

// The client's text that hawser logs, in one allocation of exactly its size.
class RequestText {
 public:
  RequestText() = default;
  // `target` is what the log may know of it (LoggedTarget). The others are cut at 256 bytes each.
  RequestText(std::string_view request_id, std::string_view method, std::string_view host,
              std::string_view target);

  std::string_view request_id() const { return Part(0, ends_[0]); }
  std::string_view method() const { return Part(ends_[0], ends_[1]); }
  std::string_view host() const { return Part(ends_[1], ends_[2]); }
  std::string_view path() const { return target().substr(0, target().find('?')); }
  std::string_view query() const {  // without the '?'; empty if there is none, or the log is not to know it
    const size_t mark = target().find('?');
    return mark == std::string_view::npos ? std::string_view() : target().substr(mark + 1);
  }

 private:
  std::string_view target() const { return Part(ends_[2], ends_[3]); }
  std::string_view Part(size_t begin, size_t end) const { return {text_.get() + begin, end - begin}; }

  std::unique_ptr<char[]> text_;
  uint16_t ends_[4] = {};
};

std::string_view NameOf(http::Version version);  // "HTTP/2"

struct Traffic {  // as seen from the client: in is client to backend
  uint64_t messages_in = 0;
  uint64_t messages_out = 0;
  uint64_t bytes_in = 0;
  uint64_t bytes_out = 0;
  uint32_t pings_sent = 0;
  // Milliseconds, over the pongs of the client; count 0: none yet.
  uint32_t rtt_count = 0;
  double rtt_min_ms = 0;
  double rtt_average_ms = 0;
  double rtt_max_ms = 0;
};

// The order leaves no gaps: a tunnel holds one.
struct RequestRecord {
  RequestText text;
  net::IpAddress client;     // the effective one: behind trusted proxies, what they say
  uint8_t attempts = 0;      // tries that a backend request has begun
  uint16_t client_port = 0;  // 0 where it is not known
  bool tls = false;
  http::Version version = http::Version::kHttp11;  // that the client speaks
  bool tunnel = false;                             // a WebSocket was opened
  uint8_t parts = 0;                               // http::Part
  uint16_t status = 0;                             // sent to the client; 0: none
  uint16_t queue_ms = 0;  // milliseconds, as many as fit, that it waited to be admitted
  cluster::AffinityResult affinity = cluster::AffinityResult::kNone;
  // Milliseconds from `start` until the tunnel was open, rounded up: more than four hours fit, and no
  // handshake waits for longer than that.
  uint32_t handshake_ms : 24 = 0;
  base::Name listener;  // there is one when a line is written
  std::shared_ptr<const route::Route> route;
  cluster::OpenLease endpoint;  // the last one that was picked
  base::TimePoint start;

  void AddToQueue(base::TimePoint::duration waited);
  void SetOpened(base::TimePoint now);
  base::TimePoint opened() const { return start + base::Duration(handshake_ms); }  // of a tunnel
};

struct Outcome {
  ClosedBy closed_by = ClosedBy::kNobody;
  // RFC 6455 §7.1.5: the code that the client saw or sent; 1005, 1006 where there was none.
  uint16_t close_code = 0;
  std::string_view reason;  // a label of the refusal table, or "" for an ordinary end
  std::string_view flag;
  std::string_view violation;           // the rule that a peer of the tunnel broke, or ""
  std::string_view offender;            // who: "client", "backend" or ""
  std::string_view backend_error = {};  // why the last failed try failed, in words, or ""
};

}  // namespace hawser::session
