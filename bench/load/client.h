// One WebSocket client of the load generator: connects, secures, upgrades, sends copies of one message,
// counts the echoes, answers pings, closes with a handshake, and can be opened again. Its observer decides
// what to send and when.
//
//   idle → connecting → securing → upgrading → open → closing (our Close is out)
//        → ending (both are; FIN is awaited)
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bench/load/frame.h"
#include "bench/load/poller.h"
#include "bench/load/transport.h"
#include "proxy/net/address.h"

namespace hawser::bench {

// The message that a run sends over and over, masked once and laid out as many times as one send may take.
class Message {
 public:
  Message(size_t size, Opcode opcode);

  size_t size() const { return payload_.size(); }
  size_t frame_bytes() const { return frame_bytes_; }
  std::span<const std::byte> payload() const { return payload_; }
  // Bytes of up to `count` frames in a row, from `offset` bytes into the first one.
  std::span<const std::byte> Frames(size_t count, size_t offset) const;

 private:
  std::vector<std::byte> payload_;
  std::vector<std::byte> frames_;
  size_t frame_bytes_ = 0;
};

// What the clients of a process share. Must outlive them.
struct Engine {
  Poller poller;
  Scratch scratch;
  Message message;
  net::SocketAddress address;
  std::string host;
  std::string path;
  std::vector<std::string> headers;
  // Connect from 127.0.0.1 and so many addresses after it in turn; 0 leaves it to the kernel.
  int sources = 0;
  int first_source = 0;  // how many addresses behind 127.0.0.1 they begin
  bool http2 = false;    // each tunnel on a stream of a connection of its own (RFC 8441)
  bool verify = false;   // compare every byte of every echo, not of each connection's first alone
  std::unique_ptr<TlsContext> tls;
};

class Client;

// Called within the poller's turn. It may call Queue and Close on the client; what they queue is sent after
// it returns.
class ClientObserver {
 public:
  virtual ~ClientObserver() = default;
  virtual void OnOpen(Client& client) = 0;
  virtual void OnMessage(Client& client) = 0;
  // The connection is gone. `failure` is empty after a close handshake that we began. May call Open.
  virtual void OnClosed(Client& client, std::string_view failure) = 0;
};

class Client : public Target {
 public:
  Client(Engine& engine, ClientObserver& observer, size_t index)
      : engine_(engine), observer_(observer), index_(index) {}

  size_t index() const { return index_; }
  bool open() const { return state_ == State::kOpen; }
  // The tunnel opened; still true in OnClosed.
  bool was_open() const { return was_open_; }
  bool idle() const { return state_ == State::kIdle; }
  bool resumed() const { return transport_ && transport_->resumed(); }
  uint64_t pings() const { return pings_; }

  // Begins to connect. Only when idle.
  void Open();
  // Adds `count` messages to what is to be sent.
  void Queue(size_t count) { queued_ += count; }
  // Begins the close handshake once all that is queued is sent.
  void Close();
  // Sends what is queued, as far as the socket takes it. To be called after Queue or Close outside of an
  // observer.
  void Flush();
  // Closes the socket without a close frame; OnClosed is not called.
  void Drop();

  void OnReady(uint32_t events) override;

 private:
  enum class State : uint8_t { kIdle, kConnecting, kSecuring, kUpgrading, kOpen, kClosing, kEnding };

  net::Socket Connect();
  bool Connected();
  void SendRequest();
  bool Take(std::span<std::byte> bytes);
  bool TakeHead(std::span<std::byte>& bytes);
  bool TakeTunnel();
  void Opened();
  bool TakePiece(const FrameReader::Piece& piece);
  bool TakeData(const FrameReader::Piece& piece);
  void TakeControl(const FrameReader::Piece& piece);
  void TakeClose();
  void SendFrames(size_t count);
  void AppendClose();
  void End();
  void Fail(std::string_view failure);
  void UpdateInterest();

  Engine& engine_;
  ClientObserver& observer_;
  const size_t index_;
  State state_ = State::kIdle;
  std::optional<Transport> transport_;
  uint32_t interest_ = 0;
  uint64_t opened_ = 0;  // times; makes each key its own
  uint64_t pings_ = 0;
  std::string key_;
  std::string head_;
  FrameReader reader_;
  std::vector<std::byte> control_;          // frames to send at the next boundary
  std::vector<std::byte> control_payload_;  // of the control frame that is being read
  size_t queued_ = 0;                       // messages, the one that is half sent included
  size_t sent_ = 0;                         // bytes of that one
  size_t received_ = 0;                     // payload bytes of the message that is being read
  bool was_open_ = false;
  bool verified_ = false;   // the first echo was compared
  bool close_due_ = false;  // our Close waits for queued_ to be sent
  std::string failure_;     // for the observer when the connection ends
};

}  // namespace hawser::bench
