#include "proxy/net/tcp_state.h"

#include <algorithm>

#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

namespace hawser::net {
namespace {

// A host that is alive answers within this time, wherever in the world it is.
constexpr base::Duration kLongestTrip{1000};

// Of TCP's states, as <netinet/tcp.h> numbers them; that header and <linux/tcp.h> exclude each other.
constexpr uint8_t kClose = 7;
constexpr uint8_t kCloseWait = 8;

}  // namespace

std::optional<TcpState> AskTcp(int fd) {
  tcp_info info{};
  socklen_t length = sizeof info;
  if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length) != 0) return std::nullopt;
  return TcpState{.unacknowledged = info.tcpi_unacked,
                  .not_sent = info.tcpi_notsent_bytes,
                  .window_probes = info.tcpi_probes,
                  .acknowledged = info.tcpi_bytes_acked,
                  .since_sent = base::Duration(info.tcpi_last_data_sent),
                  .since_acknowledged = base::Duration(info.tcpi_last_ack_recv),
                  .since_received = base::Duration(info.tcpi_last_data_recv),
                  .shortest_trip = std::chrono::microseconds(info.tcpi_min_rtt),
                  .peer_left = info.tcpi_state == kClose || info.tcpi_state == kCloseWait};
}

// Of two window probes that wait for an answer, the first has waited for the whole time between them.
std::optional<base::Duration> SilenceOf(const TcpState& state) {
  if (!state.under_way()) return std::nullopt;
  const bool unanswered = state.unacknowledged > 0 ? state.since_sent >= kLongestTrip &&
                                                         state.since_sent < state.since_acknowledged
                                                   : state.window_probes >= 2;
  if (!unanswered) return base::Duration(0);
  return std::min(state.since_acknowledged, state.since_received);
}

}  // namespace hawser::net
