#include "proxy/admin/admin_server.h"

#include <cerrno>
#include <string>
#include <utility>
#include <vector>

#include "config/form.h"
#include "proxy/base/check.h"
#include "proxy/base/status_macros.h"
#include "proxy/http/local_response.h"
#include "proxy/http1/server_connection.h"
#include "proxy/net/tcp_stream.h"

namespace hawser::admin {
namespace {

constexpr base::Duration kPauseTime{100};
constexpr http1::HeadLimits kLimits{.head_bytes = 16 * 1024, .headers = 64};

// On every page: caches must not store it, and browsers must not guess its type.
http::LocalResponse ResponseOf(Page page) {
  std::vector<std::pair<std::string, std::string>> fields{{"Content-Type", std::string(page.content_type)},
                                                          {"Cache-Control", "no-store"},
                                                          {"X-Content-Type-Options", "nosniff"}};
  if (page.status == 405) fields.emplace_back("Allow", "GET, HEAD");  // RFC 9110 §15.5.6
  return http::MakeLocalResponse(page.status, std::move(fields), std::move(page.body));
}

}  // namespace

class AdminServer::Connection final : public event::IoHandler {
 public:
  Connection(AdminServer& owner, uint64_t id, net::Socket socket)
      : owner_(owner),
        id_(id),
        stream_(owner.loop_, std::move(socket)),
        http_(owner.loop_, owner.buffers_, stream_, {.limits = kLimits}),
        lifetime_(*this) {
    stream_.Watch(this, 0);
    stream_.Want({.read = true});
    owner_.loop_.Arm(lifetime_, owner_.settings_.timeout);
  }

  void OnReady(event::Ready ready) override {
    if (ready.timer) return owner_.Drop(id_);
    http::RequestHead head;
    switch (http_.Advance(head)) {
      case Progress::kWaiting: return;
      case Progress::kRequest: return Serve(head);
      case Progress::kRejected: return Send({.status = 400, .body = "bad request\n"});
      case Progress::kOver: return owner_.Drop(id_);
    }
  }

  void Send(Page page) {
    if (http_.Answer(ResponseOf(std::move(page))) == Progress::kOver) owner_.Drop(id_);
  }

  // Waits for its client.
  bool idle() const { return !http_.awaits_answer(); }
  void Close() {
    lifetime_.Cancel();
    http_.Close(net::CloseReason::kOrderly);
  }

 private:
  using Progress = http1::ServerConnection::Progress;

  void Serve(const http::RequestHead& head) {
    if (head.method != "GET" && head.method != "HEAD")
      return Send({.status = 405, .body = "GET or HEAD only\n"});
    owner_.Serve(id_, head.path());
  }

  AdminServer& owner_;
  const uint64_t id_;
  net::TcpStream stream_;
  http1::ServerConnection http_;
  event::Timer lifetime_;  // from accept to the end, whatever is awaited
};

absl::StatusOr<std::unique_ptr<AdminServer>> AdminServer::Listen(event::Loop& loop,
                                                                 const config::Admin& settings,
                                                                 Render render) {
  HAWSER_DCHECK(settings.address);
  HAWSER_ASSIGN_OR_RETURN(net::Socket socket,
                          net::Listen(*settings.address, {.mode = config::ModeOf(settings.mode)}));
  HAWSER_ASSIGN_OR_RETURN(net::SocketAddress bound, net::LocalAddress(socket));
  const int fd = socket.fd();
  std::unique_ptr<AdminServer> admin(
      new AdminServer(loop, settings, std::move(render), std::move(socket), std::move(bound)));
  HAWSER_RETURN_IF_ERROR(loop.Add(fd, admin->target_, {.read = true}));
  return admin;
}

AdminServer::AdminServer(event::Loop& loop, const config::Admin& settings, Render render, net::Socket socket,
                         net::SocketAddress address)
    : loop_(loop),
      settings_(settings),
      render_(std::move(render)),
      socket_(std::move(socket)),
      address_(std::move(address)),
      resume_(*this) {}

AdminServer::~AdminServer() {
  loop_.Remove(socket_.fd(), target_);
  net::RemoveFile(address_);
}

void AdminServer::OnReady(event::Ready ready) {
  if (ready.timer) return loop_.Modify(socket_.fd(), target_, {.read = true});
  net::SocketAddress peer;
  for (size_t accepted = 0; accepted < settings_.connections; ++accepted) {
    net::Socket socket = net::Accept(socket_, peer);
    if (!socket.open() && errno == EAGAIN) return;
    if (!socket.open() && errno == ECONNABORTED) continue;
    // Without a free descriptor accept(2) fails even when no connection waits. At the first call of a turn
    // one does.
    if (!socket.open() && accepted > 0) return;
    if (!socket.open()) return Evict() ? void() : Pause();  // an eviction frees one for the next turn
    if (connections_.size() >= settings_.connections && !Evict()) continue;
    const uint64_t id = next_id_++;
    connections_[id] = std::make_unique<Connection>(*this, id, std::move(socket));
  }
}

// Drops the connection that has waited for its client the longest. False if none waits for its client.
bool AdminServer::Evict() {
  for (const auto& [id, connection] : connections_) {
    if (!connection->idle()) continue;
    ++evictions_;
    Drop(id);
    return true;
  }
  return false;
}

// Most likely there are no descriptors. The connection stays in the kernel's queue, and the loop must not
// spin on it.
void AdminServer::Pause() {
  loop_.Modify(socket_.fd(), target_, {});
  loop_.Arm(resume_, kPauseTime);
}

// The page may come when the connection has already gone.
void AdminServer::Serve(uint64_t id, std::string_view path) {
  render_(path, evictions_, [this, id](Page page) {
    const auto found = connections_.find(id);
    if (found != connections_.end()) found->second->Send(std::move(page));
  });
}

void AdminServer::Drop(uint64_t id) {
  const auto found = connections_.find(id);
  HAWSER_DCHECK(found != connections_.end());
  found->second->Close();
  loop_.Retire(std::move(found->second));
  connections_.erase(found);
}

}  // namespace hawser::admin
