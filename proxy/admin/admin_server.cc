#include "proxy/admin/admin_server.h"

#include <cerrno>
#include <utility>

#include "config/form.h"
#include "fmt/format.h"
#include "proxy/base/check.h"
#include "proxy/base/status_macros.h"
#include "proxy/http/date.h"
#include "proxy/http1/head_parser.h"
#include "proxy/net/tcp_stream.h"

namespace hawser::admin {
namespace {

constexpr base::Duration kPauseTime{100};
constexpr http1::HeadLimits kLimits{.head_bytes = 16 * 1024, .headers = 64};

std::string_view ReasonOf(int status) {
  switch (status) {
    case 200: return "OK";
    case 400: return "Bad Request";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    default: return "Service Unavailable";
  }
}

}  // namespace

class AdminServer::Connection final : public event::IoHandler {
 public:
  Connection(AdminServer& owner, uint64_t id, net::Socket socket)
      : owner_(owner), id_(id), stream_(owner.server_.loop(), std::move(socket)), lifetime_(*this) {
    stream_.Watch(this, 0);
    stream_.Want({.read = true});
    owner_.server_.loop().Arm(lifetime_, owner_.settings_.timeout);
  }

  void OnReady(event::Ready ready) override {
    if (ready.timer) return owner_.Drop(id_);
    if (state_ == State::kRequest) {
      Read();
    } else if (state_ == State::kResponse) {
      Write();
    } else {
      Linger();
    }
  }

  void Send(const Page& page) {
    out_ = fmt::format(
        "HTTP/1.1 {} {}\r\nDate: {}\r\nContent-Type: {}\r\nContent-Length: {}\r\nCache-Control: no-store\r\n"
        "X-Content-Type-Options: nosniff\r\nConnection: close\r\n{}\r\n",
        page.status, ReasonOf(page.status), http::DateNow(), page.content_type, page.body.size(),
        page.status == 405 ? "Allow: GET, HEAD\r\n" : "");  // RFC 9110 §15.5.6
    if (!head_only_) out_ += page.body;
    state_ = State::kResponse;
    Write();
  }

  // Nothing is done for it until its client does something.
  bool idle() const { return state_ != State::kRendering; }

 private:
  enum class State : uint8_t { kRequest, kRendering, kResponse, kLinger };

  void Read() {
    const auto scratch = owner_.server_.loop().scratch();
    const net::IoResult got = stream_.Read(scratch.first(4096));
    if (got.bytes == 0 && got.state != net::IoState::kBlocked) return owner_.Drop(id_);
    in_.append(reinterpret_cast<const char*>(scratch.data()), got.bytes);
    http::RequestHead head;
    const http1::ParseResult parsed = http1::ParseRequestHead(in_, kLimits, head, scanned_);
    if (parsed.state == http1::ParseState::kIncomplete) return;
    stream_.Want({});
    state_ = State::kRendering;
    if (parsed.state == http1::ParseState::kRejected) return Send({.status = 400, .body = "bad request\n"});
    head_only_ = head.method == "HEAD";
    if (head.method != "GET" && !head_only_) return Send({.status = 405, .body = "GET or HEAD only\n"});
    Render(owner_.sources(), head.path(),
           [&owner = owner_, id = id_](const Page& page) { owner.Answer(id, page); });
  }

  void Write() {
    const net::IoResult put = stream_.Write(std::as_bytes(std::span(out_)).subspan(sent_));
    if (put.state == net::IoState::kError) return owner_.Drop(id_);
    sent_ += put.bytes;
    if (sent_ < out_.size()) return stream_.Want({.write = true});
    stream_.ShutdownWrite();
    state_ = State::kLinger;
    stream_.Want({.read = true});
  }

  void Linger() {
    if (stream_.Read(owner_.server_.loop().scratch()).state >= net::IoState::kEnd) owner_.Drop(id_);
  }

  AdminServer& owner_;
  const uint64_t id_;
  net::TcpStream stream_;
  event::Timer lifetime_;
  State state_ = State::kRequest;
  bool head_only_ = false;
  size_t scanned_ = 0;
  size_t sent_ = 0;
  std::string in_;
  std::string out_;
};

absl::StatusOr<std::unique_ptr<AdminServer>> AdminServer::Listen(server::Server& server,
                                                                 const server::ProcessLog& log) {
  const config::Admin& settings = server.snapshot().config->admin;
  HAWSER_DCHECK(settings.address);
  HAWSER_ASSIGN_OR_RETURN(net::Socket socket,
                          net::Listen(*settings.address, {.mode = config::ModeOf(settings.mode)}));
  HAWSER_ASSIGN_OR_RETURN(net::SocketAddress bound, net::LocalAddress(socket));
  const int fd = socket.fd();
  std::unique_ptr<AdminServer> admin(new AdminServer(server, log, std::move(socket), std::move(bound)));
  HAWSER_RETURN_IF_ERROR(server.loop().Add(fd, admin->target_, {.read = true}));
  return admin;
}

AdminServer::AdminServer(server::Server& server, const server::ProcessLog& log, net::Socket socket,
                         net::SocketAddress address)
    : server_(server),
      log_(log),
      settings_(server.snapshot().config->admin),
      socket_(std::move(socket)),
      address_(std::move(address)),
      resume_(*this) {}

AdminServer::~AdminServer() {
  server_.loop().Remove(socket_.fd(), target_);
  net::RemoveFile(address_);
}

void AdminServer::OnReady(event::Ready ready) {
  if (ready.timer) return server_.loop().Modify(socket_.fd(), target_, {.read = true});
  net::SocketAddress peer;
  for (size_t accepted = 0; accepted < settings_.connections; ++accepted) {
    net::Socket socket = net::Accept(socket_, peer);
    if (!socket.open() && errno == EAGAIN) return;
    if (!socket.open() && errno == ECONNABORTED) continue;
    // Without a descriptor accept(2) fails whether a connection waits or not: only the first time one surely does.
    if (!socket.open() && accepted > 0) return;
    if (!socket.open()) return Evict() ? void() : Pause();  // an eviction frees one when the turn is over
    if (connections_.size() >= settings_.connections && !Evict()) continue;
    const uint64_t id = next_id_++;
    connections_[id] = std::make_unique<Connection>(*this, id, std::move(socket));
  }
}

// The connection that has waited for its client the longest makes room. False if there is none.
bool AdminServer::Evict() {
  for (const auto& [id, connection] : connections_) {
    if (!connection->idle()) continue;
    ++evictions_;
    Drop(id);
    return true;
  }
  return false;
}

// Out of descriptors, most likely: the connection stays in the kernel's queue, and the loop must not spin on it.
void AdminServer::Pause() {
  server_.loop().Modify(socket_.fd(), target_, {});
  server_.loop().Arm(resume_, kPauseTime);
}

void AdminServer::Answer(uint64_t id, const Page& page) {
  if (const auto found = connections_.find(id); found != connections_.end()) found->second->Send(page);
}

void AdminServer::Drop(uint64_t id) {
  const auto found = connections_.find(id);
  if (found == connections_.end()) return;  // its deadline came in the turn in which it ended
  server_.loop().Retire(std::move(found->second));
  connections_.erase(found);
}

}  // namespace hawser::admin
