#include "proxy/admin/admin_server.h"

#include <cerrno>
#include <charconv>
#include <string>
#include <utility>
#include <vector>

#include "proxy/base/check.h"
#include "proxy/base/status_macros.h"
#include "proxy/http/local_response.h"
#include "proxy/http1/server_connection.h"
#include "proxy/net/tcp_stream.h"

namespace hawser::admin {
namespace {

constexpr base::Duration kPauseTime{100};
constexpr http1::HeadLimits kLimits{.head_bytes = 16 * 1024, .headers = 64};
constexpr uint64_t kMostBody = 64 * 1024;  // of a POST, bytes

// On every page: caches must not store it, and browsers must not guess its type.
http::LocalResponse ResponseOf(Page page) {
  std::vector<std::pair<std::string, std::string>> fields{{"Content-Type", std::string(page.content_type)},
                                                          {"Cache-Control", "no-store"},
                                                          {"X-Content-Type-Options", "nosniff"}};
  if (!page.allow.empty()) fields.emplace_back("Allow", std::string(page.allow));  // RFC 9110 §15.5.6
  return http::MakeLocalResponse(page.status, std::move(fields), std::move(page.body));
}

// No page takes a body. One that comes all the same is read behind the answer and dropped, so its length must
// be known and small. 0, or the status that refuses it.
int RefusedBody(const http::RequestHead& head) {
  if (head.method != "POST") return 0;
  if (head.headers.Find("Transfer-Encoding")) return 411;  // RFC 9110 §15.5.12
  const std::string_view length = head.headers.Find("Content-Length").value_or("0");
  uint64_t bytes = 0;
  std::from_chars(length.data(), length.data() + length.size(), bytes);  // the parser has checked it
  return bytes > kMostBody ? 413 : 0;
}

}  // namespace

class AdminServer::Connection final : public event::IoHandler {
 public:
  Connection(AdminServer& owner, uint64_t id, net::Socket socket)
      : owner_(owner),
        id_(id),
        any_host_(owner.address_.unix_socket()),
        stream_(owner.loop_, std::move(socket)),
        http_(owner.loop_, owner.buffers_, stream_, {.limits = kLimits}),
        lifetime_(*this) {
    stream_.Watch(this, 0);
    stream_.Want({.read = true});
    owner_.loop_.Arm(lifetime_, owner_.settings_.timeout);
  }

  void OnReady(event::Ready ready) override {
    if (ready.timer) return OnTimeout();
    http::RequestHead head;
    switch (http_.Advance(head)) {
      case Progress::kWaiting: return;
      case Progress::kRequest: return Serve(head);
      case Progress::kRejected: return Send({.status = 400, .body = "bad request\n"});
      case Progress::kOver: return owner_.Drop(id_);
    }
  }

  void Send(Page page) {
    // The client gets the time to take the answer that it would have had without the wait.
    if (works_) owner_.loop_.Arm(lifetime_, owner_.settings_.timeout);
    if (http_.Answer(ResponseOf(std::move(page))) == Progress::kOver) owner_.Drop(id_);
  }

  // Waits for its client, or has waited for its answer for longer than most clients would.
  bool idle() const { return !http_.awaits_answer() || overdue_; }
  void Close() {
    lifetime_.Cancel();
    http_.Close(net::CloseReason::kOrderly);
  }

 private:
  using Progress = http1::ServerConnection::Progress;

  // What a POST has begun is not undone, so its answer is worth the wait.
  void OnTimeout() {
    if (!works_ || !http_.awaits_answer()) return owner_.Drop(id_);
    overdue_ = true;
  }

  void Serve(const http::RequestHead& head) {
    works_ = head.method == "POST";
    owner_.Serve(id_, head, any_host_);
  }

  AdminServer& owner_;
  const uint64_t id_;
  const bool any_host_;
  net::TcpStream stream_;
  http1::ServerConnection http_;
  bool works_ = false;  // for a POST
  bool overdue_ = false;
  event::Timer lifetime_;  // from accept to the end, whatever is awaited; for a POST from its answer on anew
};

AdminServer::AdminServer(event::Loop& loop, Render render)
    : loop_(loop), render_(std::move(render)), resume_(*this) {}

AdminServer::~AdminServer() {
  if (!socket_.open()) return;
  loop_.Remove(socket_.fd(), target_);
  net::RemoveFile(address_);
}

absl::Status AdminServer::Apply(const config::Admin& settings, net::Socket socket) {
  if (socket.open()) {
    HAWSER_ASSIGN_OR_RETURN(net::SocketAddress bound, net::LocalAddress(socket));
    HAWSER_RETURN_IF_ERROR(loop_.Add(socket.fd(), target_, {.read = true}));
    StopListening();
    socket_ = std::move(socket);
    address_ = std::move(bound);
  } else if (!settings.address) {
    StopListening();
  }
  settings_ = settings;
  return absl::OkStatus();
}

void AdminServer::StopListening() {
  if (!socket_.open()) return;
  AcceptAll();  // who waits in the kernel's queue has come in time
  resume_.Cancel();
  loop_.Remove(socket_.fd(), target_);
  socket_.Reset();
}

void AdminServer::OnReady(event::Ready ready) {
  if (ready.timer) return loop_.Modify(socket_.fd(), target_, {.read = true});
  AcceptAll();
}

void AdminServer::AcceptAll() {
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
    ++counts_.evictions;
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
void AdminServer::Serve(uint64_t id, const http::RequestHead& head, bool any_host) {
  const auto reply = [this, id](Page page) {
    const auto found = connections_.find(id);
    if (found != connections_.end()) found->second->Send(std::move(page));
  };
  if (const Refusal refusal = RefusalOf(head, settings_.hosts, any_host); refusal != Refusal::kNone) {
    ++counts_.refused[static_cast<size_t>(refusal)];
    return reply({.status = 403, .body = std::string(SpecOf(refusal).body)});
  }
  if (const int status = RefusedBody(head); status != 0) {
    return reply({.status = status, .body = "no page takes a body of unknown length or above 64 KiB\n"});
  }
  render_({head.method, head.path(), counts_}, reply);
}

void AdminServer::Drop(uint64_t id) {
  const auto found = connections_.find(id);
  HAWSER_DCHECK(found != connections_.end());
  found->second->Close();
  loop_.Retire(std::move(found->second));
  connections_.erase(found);
}

}  // namespace hawser::admin
