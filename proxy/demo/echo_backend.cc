#include "proxy/demo/echo_backend.h"

#include <string>
#include <utility>

#include "fmt/format.h"
#include "proxy/base/status_macros.h"
#include "proxy/demo/page.h"
#include "proxy/http/local_response.h"
#include "proxy/http/upgrade.h"
#include "proxy/http1/server_connection.h"
#include "proxy/net/linger.h"
#include "proxy/net/outbox.h"
#include "proxy/net/tcp_stream.h"
#include "proxy/ws/frame.h"

namespace hawser::demo {
namespace {

constexpr http1::HeadLimits kLimits{.head_bytes = 64 * 1024, .headers = 128};
constexpr size_t kLongestFrame = 4 * 1024 * 1024;

// The header of an unmasked frame.
std::string FrameStart(bool fin, uint8_t rsv, ws::Opcode opcode, uint64_t length) {
  std::string header(1, static_cast<char>((fin ? 0x80 : 0) | rsv << 4 | static_cast<int>(opcode)));
  const int bytes = length < 126 ? 0 : length < 65536 ? 2 : 8;
  header += static_cast<char>(bytes == 0 ? length : bytes == 2 ? 126 : 127);
  for (int i = bytes - 1; i >= 0; --i) header += static_cast<char>(length >> (8 * i));
  return header;
}

}  // namespace

class EchoBackend::Connection final : public event::IoHandler, public base::ListLink {
 public:
  Connection(EchoBackend& owner, net::Socket socket)
      : owner_(owner),
        stream_(owner.loop_, std::move(socket)),
        http_(owner.loop_, owner.buffers_, stream_, {.limits = kLimits}) {
    stream_.Watch(this, 0);
    stream_.Want({.read = true});
  }

  void OnReady(event::Ready ready) override {
    switch (state_) {
      case State::kHttp: return ReadRequest();
      case State::kOpen: return Echo(ready);
      case State::kClosing: return Linger();
      case State::kGone: return;
    }
  }

  void Drop() {
    if (state_ == State::kGone) return;
    if (state_ != State::kHttp) --owner_.open_;
    state_ = State::kGone;
    out_.Abandon();
    http_.Close(net::CloseReason::kOrderly);
    Unlink();
    owner_.loop_.Retire(std::unique_ptr<IoHandler>(this));
  }

 private:
  using Progress = http1::ServerConnection::Progress;

  enum class State : uint8_t {
    kHttp,     // until a request turns out to be a handshake
    kOpen,     // a WebSocket
    kClosing,  // its close frame has been answered
    kGone,
  };

  void ReadRequest() {
    http::RequestHead head;
    switch (http_.Advance(head)) {
      case Progress::kWaiting: return;
      case Progress::kRequest: return OnRequest(head);
      case Progress::kRejected:
      case Progress::kOver: return Drop();
    }
  }

  void OnRequest(const http::RequestHead& head) {
    const http::Classification classified = http::Classify(head);
    if (classified.reject != http::Reject::kNone) return Drop();
    if (classified.upgrade.websocket) return Open(http::AcceptFor(classified.upgrade.key));
    if (http_.Answer(ResponseTo(head.path())) == Progress::kOver) Drop();
  }

  http::LocalResponse ResponseTo(std::string_view path) {
    const auto response = [](int status, const char* type, std::string body) {
      return http::MakeLocalResponse(status, {{"Content-Type", type}, {"Cache-Control", "no-store"}},
                                     std::move(body));
    };
    if (path == "/demo/stats") return response(200, "application/json", owner_.figures_());
    if (path == "/") return response(200, "text/html; charset=utf-8", std::string(kPage));
    return response(404, "text/plain", "not here\n");
  }

  void Open(std::string_view accept) {
    state_ = State::kOpen;
    ++owner_.open_;
    in_ = http_.TakeRequest().behind;
    const std::string hello = fmt::format(R"({{"backend":"{}","port":{},"color":"{}"}})", owner_.spec_.name,
                                          owner_.address_.port(), owner_.spec_.color);
    Write(
        fmt::format("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                    "Sec-WebSocket-Accept: {}\r\n\r\n{}{}",
                    accept, FrameStart(true, 0, ws::Opcode::kText, hello.size()), hello));
    EchoFrames();
  }

  void Echo(event::Ready ready) {
    if (ready.writable && out_.Flush(stream_).state == net::IoState::kError) return Drop();
    if (!ready.readable || out_.blocked()) return WatchStream();
    const auto scratch = owner_.loop_.scratch();
    const net::IoResult got = stream_.Read(scratch);
    if (got.bytes == 0 && got.state != net::IoState::kBlocked) return Drop();
    in_.append(reinterpret_cast<const char*>(scratch.data()), got.bytes);
    EchoFrames();
  }

  void EchoFrames() {
    while (state_ == State::kOpen && EchoFrame()) {
    }
    if (state_ == State::kOpen) WatchStream();
  }

  void WatchStream() { stream_.Want({.read = !out_.blocked(), .write = out_.blocked()}); }

  // Echoes the first frame of in_, if it is whole.
  bool EchoFrame() {
    const auto bytes = std::as_writable_bytes(std::span(in_));
    const ws::ParsedHeader parsed = ws::ParseHeader(bytes);
    if (parsed.state == ws::ParsedHeader::State::kIncomplete) return false;
    const ws::FrameHeader& header = parsed.header;
    if (parsed.state == ws::ParsedHeader::State::kViolation || header.payload_bytes > kLongestFrame) {
      Drop();
      return false;
    }
    const size_t whole = header.header_bytes + header.payload_bytes;
    if (in_.size() < whole) return false;
    const auto payload = bytes.subspan(header.header_bytes, header.payload_bytes);
    if (header.masked) ws::Unmask(payload, header.mask, 0);
    const ws::Opcode opcode = header.opcode == ws::Opcode::kPing ? ws::Opcode::kPong : header.opcode;
    if (header.opcode != ws::Opcode::kPong) {
      std::string frame = FrameStart(header.fin, header.rsv, opcode, header.payload_bytes);
      frame.append(in_, header.header_bytes, header.payload_bytes);
      Write(frame);
    }
    in_.erase(0, whole);
    if (opcode == ws::Opcode::kClose && state_ == State::kOpen) {
      state_ = State::kClosing;
      Linger();
    }
    return true;
  }

  void Write(std::string_view bytes) {
    if (out_.Write(stream_, owner_.buffers_, std::as_bytes(std::span(bytes))) == net::IoState::kError) Drop();
  }

  void Linger() {
    if (net::Linger(owner_.loop_, stream_, out_) == net::Lingering::kOver) Drop();
  }

  EchoBackend& owner_;
  net::TcpStream stream_;
  http1::ServerConnection http_;
  net::Outbox out_;  // of the WebSocket
  std::string in_;   // of the WebSocket: the start of a frame
  State state_ = State::kHttp;
};

absl::StatusOr<std::unique_ptr<EchoBackend>> EchoBackend::Listen(event::Loop& loop, BackendSpec spec,
                                                                 absl::AnyInvocable<std::string()>& figures) {
  HAWSER_ASSIGN_OR_RETURN(const net::SocketAddress any, net::SocketAddress::Parse("127.0.0.1:0"));
  HAWSER_ASSIGN_OR_RETURN(net::Socket socket, net::Listen(any, {}));
  HAWSER_ASSIGN_OR_RETURN(net::SocketAddress address, net::LocalAddress(socket));
  const int fd = socket.fd();
  std::unique_ptr<EchoBackend> backend(
      new EchoBackend(loop, spec, figures, std::move(socket), std::move(address)));
  HAWSER_RETURN_IF_ERROR(loop.Add(fd, backend->target_, {.read = true}));
  return backend;
}

EchoBackend::EchoBackend(event::Loop& loop, BackendSpec spec, absl::AnyInvocable<std::string()>& figures,
                         net::Socket socket, net::SocketAddress address)
    : loop_(loop), spec_(spec), figures_(figures), socket_(std::move(socket)), address_(std::move(address)) {}

EchoBackend::~EchoBackend() {
  loop_.Remove(socket_.fd(), target_);
  while (Connection* connection = connections_.front()) connection->Drop();
  loop_.RunOnce(base::Duration(0));  // destroys them, while their buffers' pool is here
}

void EchoBackend::OnReady(event::Ready) {
  net::SocketAddress peer;
  while (true) {
    net::Socket socket = net::Accept(socket_, peer);
    if (!socket.open()) return;
    // Owned by connections_ until it drops itself.
    connections_.PushBack(*std::make_unique<Connection>(*this, std::move(socket)).release());
  }
}

}  // namespace hawser::demo
