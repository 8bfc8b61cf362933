// A check that opens a WebSocket (RFC 6455, RFC 8441): the answer to its handshake is judged as strictly as
// that to a client's. With `ping` it sends a ping, and passes when the pong has come. Then it closes with
// 1000 and waits for the answer, whose lack fails no check. Loop thread only.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "proxy/base/clock.h"
#include "proxy/cluster/call.h"
#include "proxy/cluster/health_check.h"
#include "proxy/cluster/sent_request.h"
#include "proxy/event/io_handler.h"
#include "proxy/event/loop.h"
#include "proxy/http/upgrade.h"
#include "proxy/ws/frame_scanner.h"

namespace hawser::cluster {

class WebSocketCheck final : public event::IoHandler {
 public:
  struct Request {
    std::string path;
    std::string host;
    Call::Headers headers;  // may offer subprotocols and extensions
    bool ping = true;
  };

  WebSocketCheck(event::Loop& loop, Pool& pool, std::shared_ptr<const Cluster> cluster,
                 std::shared_ptr<Endpoint> target, Request request, base::Duration timeout, CheckDone done);

  void OnReady(event::Ready ready) override;
  // Ends what is under way. Nothing is told.
  void GiveUp();

 private:
  enum Tag : uint8_t { kStreamTag = 0, kTimerTag = 1 };
  enum class State : uint8_t {
    kHandshake,
    kPong,   // the pong is awaited
    kClose,  // it has passed: the answer to the close frame is awaited
    kOver,
  };

  // Of pongs for a backend that pings and does not read: more are not sent.
  static constexpr size_t kMostUnsent = 4096;

  static http::UpgradeRequest OfferOf(http::RequestHead head, std::string_view key);
  static ws::Mask NewMask();

  void AwaitTunnel();
  void OnTunnel();
  void OnTimeout();
  void Read();
  // Takes whole frames off the bytes that have come.
  void TakeFrames();
  void OnControl(const ws::FrameHeader& header, std::span<const std::byte> payload);
  void OnClose(uint16_t code);
  void OnEnd(std::string_view why);
  void Close();
  void Send(std::span<const std::byte> frame);
  bool Flush();
  void Tell(CheckResult result);
  void Fail(std::string why) { Tell({.kind = CheckResult::Kind::kFailed, .why = std::move(why)}); }

  event::Loop& loop_;
  const Request request_;
  const std::string key_;
  http::RequestHead head_;
  http::UpgradeRequest upgrade_;
  std::array<std::byte, 8> payload_;  // of the ping
  State state_ = State::kHandshake;
  std::optional<SentRequest> sent_;          // in kHandshake
  std::unique_ptr<net::ByteStream> tunnel_;  // behind it
  ws::ScanRules rules_;
  ws::FrameScanner scanner_;
  std::string received_;  // and not yet scanned
  std::string unsent_;
  CheckDone done_;
  event::Timer timer_;
};

}  // namespace hawser::cluster
