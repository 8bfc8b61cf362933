// The inflating direction on whatever a client may send: however input and room are cut it must give the same
// bytes and the same verdict, never more than the room, only frames, and hold no context after the end of a
// message. The first two bytes pick the cuts, the third the longest fragment.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>
#include <vector>

#include "proxy/ws/frame_inflater.h"

namespace {

using namespace hawser::ws;

void Require(bool condition) {
  if (!condition) std::abort();
}

struct Result {
  std::string payload;  // of all frames, unmasked, and what is no frame as it is
  FrameInflater::State state = FrameInflater::State::kInput;
};

constexpr size_t kMostOutput = 1 << 20;  // of a bomb

std::string Run(std::span<const std::byte> in, size_t cut, size_t room, size_t max_fragment,
                FrameInflater::State& state) {
  std::array<hawser::base::Counter, 8> counters;
  DeflatePool pool(10, {counters[0], counters[1], counters[2], counters[3], counters[4], counters[5],
                        counters[6], counters[7]});
  std::string result;
  {
    FrameInflater inflater(pool, max_fragment);
    std::vector<std::byte> out(room);
    state = FrameInflater::State::kInput;
    for (size_t at = 0; at < in.size() || state == FrameInflater::State::kRoom;) {
      const auto piece = in.subspan(at, std::min(cut, in.size() - at));
      const auto step = inflater.Advance(piece, out);
      Require(step.taken <= piece.size() && step.made <= out.size());
      Require(step.state != FrameInflater::State::kInput || step.taken == piece.size());
      Require(step.taken > 0 || step.made > 0 || step.state != FrameInflater::State::kRoom);
      at += step.taken;
      state = step.state;
      result.append(reinterpret_cast<const char*>(out.data()), step.made);
      if (state == FrameInflater::State::kMalformed || result.size() > kMostOutput) break;
      Require(state != FrameInflater::State::kNoContext);
    }
  }
  Require(counters[0].Get() == 0);
  return result;
}

// The payloads of the whole frames at the start of `bytes`, one behind the other, each message ended by a
// mark, and what is no frame as it is: the same however messages were fragmented.
std::string Flatten(std::string bytes, bool& cut_short) {
  std::string flat;
  size_t at = 0;
  cut_short = false;
  while (at < bytes.size()) {
    auto left = std::as_writable_bytes(std::span(bytes)).subspan(at);
    const ParsedHeader parsed = ParseHeader(left);
    const size_t whole = parsed.header.header_bytes + parsed.header.payload_bytes;
    if (parsed.state != ParsedHeader::State::kComplete || left.size() < whole) {
      cut_short = true;
      break;
    }
    auto payload = left.subspan(parsed.header.header_bytes, parsed.header.payload_bytes);
    if (parsed.header.masked) Unmask(payload, parsed.header.mask, 0);
    if (parsed.header.opcode != Opcode::kContinuation)
      flat += static_cast<char>('0' + static_cast<int>(parsed.header.opcode));
    flat.append(reinterpret_cast<const char*>(payload.data()), payload.size());
    if (parsed.header.fin) flat += "|";
    at += whole;
  }
  return flat;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 3) return 0;
  const auto in = std::as_bytes(std::span(data, size)).subspan(3);
  FrameInflater::State whole_state;
  FrameInflater::State cut_state;
  const std::string whole = Run(in, in.size(), 1 << 16, 65535, whole_state);
  const std::string cut = Run(in, 1 + data[0], FrameInflater::kLeastRoom + data[1], 1 + data[2], cut_state);
  if (whole.size() > kMostOutput || cut.size() > kMostOutput) return 0;
  Require(whole_state == cut_state);
  bool whole_short = false;
  bool cut_short = false;
  const std::string a = Flatten(whole, whole_short);
  const std::string b = Flatten(cut, cut_short);
  // An unfinished frame that passes as it came is not flattened; where it begins is the same.
  Require(whole_short == cut_short && a == b);
  return 0;
}
