#include "proxy/cluster/health_check_tcp.h"

#include <string>
#include <system_error>
#include <utility>

#include <sys/socket.h>

namespace hawser::cluster {
namespace {

// What a connection that was being made has failed with; 0: it is made.
int ConnectErrno(int fd) {
  int error = 0;
  socklen_t size = sizeof error;
  return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : errno;
}

// False while it is being made.
bool IsConnected(int fd) {
  sockaddr_storage peer;
  socklen_t size = sizeof peer;
  return getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &size) == 0;
}

}  // namespace

TcpCheck::TcpCheck(event::Loop& loop, const Cluster& cluster, std::shared_ptr<Endpoint> target,
                   base::Duration timeout, CheckDone done)
    : target_(std::move(target)),
      connection_(Connect(*target_, cluster.settings().tcp_keepalive, cluster.settings().source_addresses)),
      done_(std::move(done)),
      timer_(*this, kTimerTag) {
  if (connection_.error != ConnectError::kNone) {
    loop.Soon(*this, {.tag = kStreamTag});
    return;
  }
  stream_ = std::make_unique<net::TcpStream>(loop, std::move(connection_.socket));
  stream_->Watch(this, kStreamTag);
  stream_->Want({.write = true});
  loop.Arm(timer_, timeout);
}

void TcpCheck::OnReady(event::Ready ready) {
  if (done_ == nullptr) return;
  if (stream_ == nullptr) {
    const bool own = connection_.error != ConnectError::kFailed;
    return Tell(own ? CallError::kLocal : CallError::kConnect, connection_.why);
  }
  if (ready.timer) return Tell(CallError::kTimedOut, "not connected in time");
  const int error = ConnectErrno(stream_->fd());
  if (error != 0) return Tell(CallError::kConnect, std::generic_category().message(error));
  // The stream calls too when the loop cannot watch it.
  if (!IsConnected(stream_->fd())) return Tell(CallError::kLocal, "the connection cannot be watched");
  Tell(CallError::kNone);
}

void TcpCheck::GiveUp() {
  timer_.Cancel();
  done_ = nullptr;
  connection_.lease.Release();
  if (stream_ != nullptr) std::exchange(stream_, nullptr)->Close(net::CloseReason::kOrderly);
}

void TcpCheck::Tell(CallError error, std::string_view why) {
  if (error == CallError::kConnect || error == CallError::kTimedOut) connection_.lease.Failed();
  CheckResult result = ResultOf(error, why);
  CheckDone done = std::move(done_);
  GiveUp();
  done(std::move(result));  // which may let go of this
}

}  // namespace hawser::cluster
