// An exchange whose client is a scripted stream behind the HTTP/1.1 codec, driven as a connection drives it:
// it hears, it advances, and it is destroyed when it is over.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "proxy/http1/head_parser.h"
#include "proxy/http1/server_stream.h"
#include "proxy/session/exchange.h"
#include "tests/unit/session/worker_fixture.h"

namespace hawser::session {

inline size_t CountOf(std::string_view what, std::string_view text) {
  size_t count = 0;
  for (size_t at = 0; (at = text.find(what, at)) != std::string_view::npos; at += what.size()) ++count;
  return count;
}

class ExchangeHarness final : public WorkerFixture, public event::IoHandler {
 public:
  using WorkerFixture::WorkerFixture;
  ~ExchangeHarness() override {
    End();
    EndAll();
  }

  // The request's head and what has already come behind it; what comes later is fed to `client`.
  void Start(std::string text) {
    size_t scanned = 0;
    http::RequestHead head;
    const http1::ParseResult parsed =
        http1::ParseRequestHead(text, {.head_bytes = 65536, .headers = 100}, head, scanned);
    ASSERT_EQ(parsed.state, http1::ParseState::kComplete);
    std::string behind = text.substr(parsed.head_bytes);
    request_ = std::make_unique<http1::ServerStream>(*loop, client, head, std::move(text), std::move(behind));
    request_->Watch(this, Exchange::kClientTag);
    exchange_ = std::make_unique<Exchange>(
        services, *backends, *this,
        Exchange::Client{.stream = *request_, .listener = listener(), .peer = peer_, .tls = false},
        std::move(head));
    Advance({});
  }

  void OnReady(event::Ready ready) override {
    if (exchange_ != nullptr) Advance(ready);
  }

  // Lets everything happen that can, but for time.
  void Settle() {
    int quiet = 0;
    for (int turns = 0; quiet < 3 && turns < 20'000; ++turns) {
      bool moved = !over() && client.Deliver();  // its events go to no handler any more
      moved |= backend.Deliver();
      Turn();
      quiet = moved ? 0 : quiet + 1;
    }
    EXPECT_EQ(quiet, 3) << "it runs in a circle";
  }

  bool over() const { return result.has_value(); }
  // Heads that are no interim ones.
  size_t FinalHeads() const {
    return CountOf("HTTP/1.1 ", client.written()) - CountOf("HTTP/1.1 1", client.written());
  }

  fakes::FakeStream client;
  fakes::FakeStream backend;                 // of no use until it is kept
  std::optional<Exchange::Progress> result;  // how it ended

 private:
  void Advance(event::Ready ready) {
    EXPECT_FALSE(over());
    const Exchange::Progress progress = exchange_->Advance(ready);
    if (progress == Exchange::Progress::kWaiting) return;
    result = progress;
    if (progress == Exchange::Progress::kTunnel)
      exchange_->OpenTunnel(std::make_unique<fakes::LentStream>(client), {}, request_->TakeHeld());
    End();
  }

  void End() {
    exchange_.reset();
    request_.reset();
    for (const uint8_t tag : {Exchange::kClientTag, Exchange::kBackendTag, Exchange::kFilterTag})
      loop->CancelSoon(*this, tag);
  }

  const net::SocketAddress peer_ = net::SocketAddress::Parse("192.0.2.1:1234").value();
  std::unique_ptr<http1::ServerStream> request_;
  std::unique_ptr<Exchange> exchange_;
};

}  // namespace hawser::session
