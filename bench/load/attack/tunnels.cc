// Attacks with frames, behind a 101.
#include <string>
#include <vector>

#include "bench/load/attack/families.h"
#include "bench/load/attack/slot.h"
#include "bench/load/attack/tally.h"
#include "bench/load/frame.h"
#include "bench/load/handshake.h"

namespace hawser::bench::attack {
namespace {

constexpr size_t kBlockBytes = 64 * 1024;  // of one send
constexpr Mask kKey = {std::byte{0x37}, std::byte{0xfa}, std::byte{0x21}, std::byte{0x3d}};

// A client's frame, masked. `announced`, where it is not 0: the payload's length that its header tells.
std::vector<std::byte> ClientFrame(Opcode opcode, bool fin, std::string_view payload,
                                   uint64_t announced = 0) {
  std::vector<std::byte> frame;
  AppendHeader(frame, opcode, fin, announced > 0 ? announced : payload.size(), &kKey);
  const size_t header = frame.size();
  const auto bytes = std::as_bytes(std::span(payload));
  frame.insert(frame.end(), bytes.begin(), bytes.end());
  ApplyMask(std::span(frame).subspan(header), kKey, 0);
  return frame;
}

// Opens a tunnel. The slot's stage is its own, the progress is 0 again when the tunnel is open.
class InTunnel : public Attack {
 public:
  explicit InTunnel(const AttackOptions& options)
      : request_(UpgradeRequest(options.host, options.path, KeyFor(11), {})) {}

  void OnConnected(Slot& slot) final { slot.Send(std::as_bytes(std::span(request_))); }
  void OnReceived(Slot& slot, std::span<const std::byte> bytes) final;
  virtual void OnTunnel(Slot& slot) = 0;

 protected:
  static bool Open(const Slot& slot) { return slot.stage == kOpen; }

 private:
  static constexpr uint32_t kOpen = UINT32_MAX;
  const std::string request_;
};

// `progress` counts the head's bytes, `stage` how much of the empty line that ends it has come.
void InTunnel::OnReceived(Slot& slot, std::span<const std::byte> bytes) {
  static constexpr std::string_view kHead = "HTTP/1.1 101";
  static constexpr std::string_view kEnd = "\r\n\r\n";
  if (Open(slot)) return;
  for (const std::byte byte : bytes) {
    const char got = static_cast<char>(byte);
    const size_t at = slot.progress++;
    if (at < kHead.size() && got != kHead[at]) return slot.Reject();
    slot.stage = got == kEnd[slot.stage] ? slot.stage + 1 : got == '\r' ? 1 : 0;
    if (slot.stage < kEnd.size()) continue;
    slot.stage = kOpen;
    slot.progress = 0;
    return OnTunnel(slot);
  }
}

// The same frame as fast as the proxy takes it, what comes back is read and dropped.
class Flood : public InTunnel {
 public:
  Flood(const AttackOptions& options, std::vector<std::byte> first, const std::vector<std::byte>& frame)
      : InTunnel(options), first_(std::move(first)), frame_bytes_(frame.size()) {
    while (block_.size() + frame.size() <= kBlockBytes) {
      block_.insert(block_.end(), frame.begin(), frame.end());
    }
  }

  void OnTunnel(Slot& slot) override {
    if (!first_.empty()) slot.Send(first_);
    slot.AwaitRoom();
  }
  void OnWritable(Slot& slot) override {
    const size_t sent = slot.Send(std::span(block_).subspan(slot.progress));
    slot.Add(Count::kUnits, (slot.progress % frame_bytes_ + sent) / frame_bytes_);
    slot.progress = (slot.progress + sent) % block_.size();
  }

 private:
  const std::vector<std::byte> first_;
  const size_t frame_bytes_;
  std::vector<std::byte> block_;  // whole frames
};

class SendingSlowFrame : public InTunnel {
 public:
  explicit SendingSlowFrame(const AttackOptions& options) : InTunnel(options) {}

  void OnTunnel(Slot& slot) override { slot.Send(header_); }
  void OnInterval(Slot& slot) override {
    if (Open(slot)) slot.Add(Count::kUnits, slot.Send(std::span(&kByte, 1)));
  }

 private:
  static constexpr std::byte kByte{'x'};
  const std::vector<std::byte> header_ = ClientFrame(Opcode::kBinary, true, "", 1 << 30);
};

// Asks a backend that takes commands for 16 MiB, and reads nothing of it.
class NotReading : public InTunnel {
 public:
  explicit NotReading(const AttackOptions& options) : InTunnel(options) {}

  void OnTunnel(Slot& slot) override {
    slot.StopReading();
    slot.Send(command_);
    slot.Add(Count::kUnits);
  }

 private:
  const std::vector<std::byte> command_ = ClientFrame(Opcode::kText, true, "send 16777216");
};

}  // namespace

Made TinyMessages(const AttackOptions& options) {
  return std::make_unique<Flood>(options, std::vector<std::byte>(), ClientFrame(Opcode::kText, true, "x"));
}

Made EmptyPings(const AttackOptions& options) {
  return std::make_unique<Flood>(options, std::vector<std::byte>(), ClientFrame(Opcode::kPing, true, ""));
}

Made EmptyFragments(const AttackOptions& options) {
  return std::make_unique<Flood>(options, ClientFrame(Opcode::kText, false, "x"),
                                 ClientFrame(Opcode::kContinuation, false, ""));
}

Made SlowFrame(const AttackOptions& options) {
  return std::make_unique<SendingSlowFrame>(options);
}

Made UnreadMessages(const AttackOptions& options) {
  return std::make_unique<NotReading>(options);
}

}  // namespace hawser::bench::attack
