// A check that only connects. Loop thread only.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "proxy/base/clock.h"
#include "proxy/cluster/connector.h"
#include "proxy/cluster/health_check.h"
#include "proxy/event/io_handler.h"
#include "proxy/event/loop.h"
#include "proxy/net/tcp_stream.h"

namespace hawser::cluster {

class TcpCheck final : public event::IoHandler {
 public:
  TcpCheck(event::Loop& loop, const Cluster& cluster, std::shared_ptr<Endpoint> target,
           base::Duration timeout, CheckDone done);

  void OnReady(event::Ready ready) override;
  // Ends what is under way. Nothing is told.
  void GiveUp();

 private:
  enum Tag : uint8_t { kStreamTag = 0, kTimerTag = 1 };

  void Tell(CallError error, std::string_view why = {});

  const std::shared_ptr<Endpoint> target_;
  Connection connection_;                   // its socket is the stream's
  std::unique_ptr<net::TcpStream> stream_;  // null: it could not begin, or it is over
  CheckDone done_;                          // null once it was told
  event::Timer timer_;
};

}  // namespace hawser::cluster
