#include "proxy/demo/echo_backend.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "fmt/format.h"
#include "proxy/base/status_macros.h"
#include "proxy/demo/page.h"
#include "proxy/http/upgrade.h"
#include "proxy/http1/head_parser.h"
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
      : owner_(owner), stream_(owner.loop_, std::move(socket)) {
    stream_.Watch(this, 0);
    stream_.Want({.read = true});
  }

  void OnReady(event::Ready ready) override {
    if (ready.writable) Flush();
    if (ready.readable && !gone_) Read();
    if (!gone_) stream_.Want({.read = out_.empty(), .write = !out_.empty()});
  }

  void Drop() {
    if (std::exchange(gone_, true)) return;
    if (websocket_) --owner_.open_;
    stream_.Close(net::CloseReason::kOrderly);
    Unlink();
    owner_.loop_.Retire(std::unique_ptr<IoHandler>(this));
  }

 private:
  void Read() {
    const auto scratch = owner_.loop_.scratch();
    const net::IoResult got = stream_.Read(scratch);
    if (got.bytes == 0 && got.state != net::IoState::kBlocked) return Drop();
    in_.append(reinterpret_cast<const char*>(scratch.data()), got.bytes);
    if (!websocket_ && !ReadRequest()) return;
    while (websocket_ && !gone_ && EchoFrame()) {
    }
  }

  // Whether the connection has become a WebSocket.
  bool ReadRequest() {
    http::RequestHead head;
    size_t scanned = 0;
    const http1::ParseResult parsed = http1::ParseRequestHead(in_, kLimits, head, scanned);
    if (parsed.state == http1::ParseState::kIncomplete) return false;
    const http::Classification classified = http::Classify(head);
    if (parsed.state == http1::ParseState::kRejected || classified.reject != http::Reject::kNone) {
      Drop();
      return false;
    }
    if (!classified.upgrade.websocket) {
      Serve(head.path());
      return false;
    }
    Write(
        fmt::format("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                    "Sec-WebSocket-Accept: {}\r\n\r\n",
                    http::AcceptFor(classified.upgrade.key)));
    in_.erase(0, parsed.head_bytes);
    websocket_ = true;
    ++owner_.open_;
    const std::string hello = fmt::format(R"({{"backend":"{}","port":{},"color":"{}"}})", owner_.spec_.name,
                                          owner_.address_.port(), owner_.spec_.color);
    Write(FrameStart(true, 0, ws::Opcode::kText, hello.size()) + hello);
    return true;
  }

  void Serve(std::string_view path) {
    const bool figures = path == "/demo/stats";
    const bool page = path == "/";
    const std::string body = figures ? owner_.figures_() : page ? std::string(kPage) : "not here\n";
    Write(
        fmt::format("HTTP/1.1 {}\r\nContent-Type: {}\r\nContent-Length: {}\r\nCache-Control: no-store\r\n"
                    "Connection: close\r\n\r\n{}",
                    figures || page ? "200 OK" : "404 Not Found",
                    figures ? "application/json"
                    : page  ? "text/html; charset=utf-8"
                            : "text/plain",
                    body.size(), body));
    in_.clear();
    finishing_ = true;
    if (out_.empty()) stream_.ShutdownWrite();
  }

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
    if (header.opcode == ws::Opcode::kClose && !gone_) {
      finishing_ = true;
      if (out_.empty()) stream_.ShutdownWrite();
    }
    in_.erase(0, whole);
    return true;
  }

  void Write(std::string_view bytes) {
    const auto span = std::as_bytes(std::span(bytes));
    size_t sent = 0;
    if (out_.empty()) {
      const net::IoResult put = stream_.Write(span);
      if (put.state == net::IoState::kError) return Drop();
      sent = put.bytes;
    }
    out_.Append(owner_.buffers_, span.subspan(sent));
  }

  void Flush() {
    while (!out_.empty()) {
      const net::IoResult put = stream_.Write(out_.front());
      if (put.state == net::IoState::kError) return Drop();
      out_.Consume(put.bytes);
      if (put.state == net::IoState::kBlocked) return;
    }
    if (finishing_) stream_.ShutdownWrite();
  }

  EchoBackend& owner_;
  net::TcpStream stream_;
  std::string in_;
  net::Buffer out_;
  bool websocket_ = false;
  bool finishing_ = false;  // our direction ends when out_ is sent
  bool gone_ = false;
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
