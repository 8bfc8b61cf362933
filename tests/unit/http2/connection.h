// Both ends of an HTTP/2 connection in one process: a server session and a client session of ours over a pair
// of fake streams, or one of them against frames made by hand. Run lets everything that can happen happen.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proxy/event/loop.h"
#include "proxy/http2/session.h"
#include "proxy/net/buffer.h"
#include "tests/fakes/fake_stream.h"

namespace hawser::http2 {

// A stream that somebody else owns.
class Lent final : public net::ByteStream {
 public:
  explicit Lent(net::ByteStream& stream) : stream_(stream) {}
  ~Lent() override { stream_.Close(net::CloseReason::kOrderly); }
  void Watch(event::IoHandler* handler, uint8_t tag) override { stream_.Watch(handler, tag); }
  void Want(event::Interest interest) override { stream_.Want(interest); }
  net::IoResult Read(std::span<std::byte> into) override { return stream_.Read(into); }
  net::IoResult Write(std::span<const std::byte> bytes) override { return stream_.Write(bytes); }
  void ShutdownWrite() override { stream_.ShutdownWrite(); }
  void Close(net::CloseReason reason) override { stream_.Close(reason); }
  bool Delivering(base::Duration within) const override { return stream_.Delivering(within); }

 private:
  net::ByteStream& stream_;
};

// Records its calls, and runs a given function in each.
class Listener final : public event::IoHandler {
 public:
  void OnReady(event::Ready ready) override {
    ++calls;
    last = ready;
    if (then) then(ready);
  }
  int calls = 0;
  event::Ready last;
  std::function<void(event::Ready)> then;
};

class Wire {
 public:
  Wire() : loop(event::Loop::Create().value()) {}

  // Lets both ends go on until nothing moves any more.
  void Run() {
    for (int quiet = 0; quiet < 4;) {
      const bool moved = pair.near.Deliver() | pair.far.Deliver();
      loop->RunOnce(base::Duration(0));
      quiet = moved ? 0 : quiet + 1;
    }
  }

  std::unique_ptr<Session> Server(const Settings& settings) {
    return std::make_unique<Session>(Role::kServer, settings, *loop, pool, std::make_unique<Lent>(pair.near));
  }
  std::unique_ptr<Session> Client(const Settings& settings) {
    return std::make_unique<Session>(Role::kClient, settings, *loop, pool, std::make_unique<Lent>(pair.far));
  }

  net::BufferPool pool;
  std::unique_ptr<event::Loop> loop;
  fakes::FakeStreamPair pair;
};

// A client session and a server session of ours that have exchanged SETTINGS.
class Connection : public Wire {
 public:
  explicit Connection(Settings server_settings = {}, Settings client_settings = {})
      : server_settings_(server_settings), client_settings_(client_settings) {
    server = Server(server_settings_);
    client = Client(client_settings_);
    Run();
  }

  // Sends a request and brings it to the other side.
  struct Exchange {
    std::unique_ptr<ClientStream> client;
    std::unique_ptr<ServerStream> server;
    http::RequestHead head;
    http::Reject reject = http::Reject::kNone;
  };
  Exchange Request(const http::RequestHead& head, const http::UpgradeRequest* upgrade = nullptr) {
    Exchange exchange;
    exchange.client = client->Open();
    if (exchange.client == nullptr || !exchange.client->SendRequest(head, upgrade)) return exchange;
    Run();
    if (auto arrival = server->Accept()) {
      exchange.server = std::move(arrival->stream);
      exchange.head = std::move(arrival->head);
      exchange.reject = arrival->reject;
    }
    return exchange;
  }

 private:
  const Settings server_settings_;
  const Settings client_settings_;

 public:
  std::unique_ptr<Session> server;
  std::unique_ptr<Session> client;
};

inline http::RequestHead Get(std::string_view target = "/") {
  http::RequestHead head;
  head.method = "GET";
  head.target = target;
  head.authority = "example.com";
  return head;
}

inline http::RequestHead Post() {
  http::RequestHead head = Get("/upload");
  head.method = "POST";
  head.body = true;
  return head;
}

inline http::ResponseHead Ok(bool body = true) {
  http::ResponseHead head;
  head.status = 200;
  head.body = body;
  return head;
}

inline http::UpgradeRequest WebSocket() {
  http::UpgradeRequest upgrade;
  upgrade.websocket = true;
  upgrade.subprotocols = {"chat"};
  return upgrade;
}

// What can be read now, and how it ended.
struct Got {
  std::string text;
  net::IoState state = net::IoState::kOk;
};
inline Got ReadAll(net::ByteStream& stream) {
  Got got;
  std::string buffer(16 * 1024, '\0');
  while (got.state == net::IoState::kOk) {
    const net::IoResult result = stream.Read(std::as_writable_bytes(std::span(buffer)));
    got.text.append(buffer, 0, result.bytes);
    got.state = result.state;
  }
  return got;
}

inline net::IoResult WriteText(net::ByteStream& stream, std::string_view text) {
  return stream.Write(std::as_bytes(std::span(text)));
}

}  // namespace hawser::http2
