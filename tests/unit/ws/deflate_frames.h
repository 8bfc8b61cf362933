// Messages as the two ends of permessage-deflate write and read them, by zlib alone: what the codecs under
// test are held against.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <zlib.h>

#include "gtest/gtest.h"
#include "proxy/base/counter.h"
#include "proxy/ws/deflate_pool.h"
#include "tests/unit/ws/frame_builder.h"

namespace hawser::ws {

struct CompressOptions {
  int level = 6;
  int window_bits = 15;
  bool last_block = false;  // BFINAL set, and the octet 0 of RFC 7692 §7.2.3.5 behind it
};

// A message's payload as it lies on the wire.
inline std::string Compress(std::string_view text, const CompressOptions& options = {}) {
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, options.level, Z_DEFLATED, -options.window_bits, 8, Z_DEFAULT_STRATEGY),
            Z_OK);
  std::string out(deflateBound(&stream, text.size()) + 64, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, options.last_block ? Z_FINISH : Z_SYNC_FLUSH);
  out.resize(out.size() - stream.avail_out);
  deflateEnd(&stream);
  if (options.last_block) return out + '\0';
  EXPECT_TRUE(out.ends_with(std::string_view("\0\0\xff\xff", 4)));
  return out.substr(0, out.size() - 4);
}

// What a message's payload says; a failure if that is nothing, or if it looks back further than its window.
inline std::string Decompress(std::string payload, int window_bits = 15) {
  payload.append("\0\0\xff\xff", 4);
  z_stream stream{};
  EXPECT_EQ(inflateInit2(&stream, -window_bits), Z_OK);
  stream.next_in = reinterpret_cast<Bytef*>(payload.data());
  stream.avail_in = static_cast<uInt>(payload.size());
  std::string text;
  int result = Z_OK;
  while (result == Z_OK && (stream.avail_in > 0 || stream.avail_out == 0)) {
    char piece[4096];
    stream.next_out = reinterpret_cast<Bytef*>(piece);
    stream.avail_out = sizeof piece;
    result = inflate(&stream, Z_SYNC_FLUSH);
    text.append(piece, sizeof piece - stream.avail_out);
  }
  EXPECT_TRUE(result == Z_OK || result == Z_BUF_ERROR) << "not DEFLATE: " << result;
  EXPECT_EQ(stream.avail_in, 0U);
  inflateEnd(&stream);
  return text;
}

inline std::string TextOf(const Bytes& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// A frame as a client sends it; `rsv` 4 is RSV1.
inline std::string ClientFrame(FrameSpec spec) {
  if (!spec.mask) spec.mask = Mask{0x11, 0x22, 0x33, 0x44};
  return TextOf(Build(spec));
}
inline std::string BackendFrame(const FrameSpec& spec) {
  return TextOf(Build(spec));
}

// A compressed message in frames of at most `piece` bytes of payload.
inline std::string CompressedMessage(std::string_view payload, size_t piece = SIZE_MAX, int opcode = 1) {
  std::string frames;
  size_t at = 0;
  do {
    const std::string_view part = payload.substr(at, piece);
    frames += ClientFrame({.opcode = at == 0 ? opcode : 0,
                           .payload = std::string(part),
                           .fin = at + part.size() == payload.size(),
                           .rsv = at == 0 ? 4 : 0});
    at += part.size();
  } while (at < payload.size());
  return frames;
}

struct ReadFrame {
  int opcode = 0;
  bool fin = false;
  int rsv = 0;
  std::string payload;  // unmasked
  bool operator==(const ReadFrame&) const = default;
};

// Whole frames; a failure for a violation, for an unfinished one, and for a mask where none is to be.
inline std::vector<ReadFrame> FramesOf(std::string bytes, bool masked) {
  std::vector<ReadFrame> frames;
  auto left = std::as_writable_bytes(std::span(bytes));
  while (!left.empty()) {
    const ParsedHeader parsed = ParseHeader(left);
    EXPECT_EQ(parsed.state, ParsedHeader::State::kComplete);
    if (parsed.state != ParsedHeader::State::kComplete) break;
    const FrameHeader& header = parsed.header;
    EXPECT_EQ(header.masked, masked);
    EXPECT_GE(left.size(), header.header_bytes + header.payload_bytes);
    if (left.size() < header.header_bytes + header.payload_bytes) break;
    const auto payload = left.subspan(header.header_bytes, header.payload_bytes);
    if (masked) Unmask(payload, header.mask, 0);
    frames.push_back({static_cast<int>(header.opcode),
                      header.fin,
                      header.rsv,
                      {reinterpret_cast<const char*>(payload.data()), payload.size()}});
    left = left.subspan(header.header_bytes + header.payload_bytes);
  }
  return frames;
}

// The data messages among `frames`, each "<opcode>:<payload>", decompressed where RSV1 says so; an unfinished
// one ends with "...".
inline std::vector<std::string> MessagesOf(const std::vector<ReadFrame>& frames, int window_bits = 15) {
  std::vector<std::string> messages;
  std::string payload;
  int opcode = -1;
  bool compressed = false;
  for (const ReadFrame& frame : frames) {
    if (frame.opcode >= 8) continue;
    EXPECT_EQ(frame.opcode == 0, opcode >= 0);
    if (frame.opcode != 0) {
      opcode = frame.opcode;
      compressed = frame.rsv == 4;
    }
    payload += frame.payload;
    if (!frame.fin) continue;
    messages.push_back(std::to_string(opcode) + ":" +
                       (compressed ? Decompress(payload, window_bits) : payload));
    payload.clear();
    opcode = -1;
  }
  if (opcode >= 0) messages.push_back(std::to_string(opcode) + ":" + payload + "...");
  return messages;
}

// A pool with counters of its own.
class TestPool {
 public:
  explicit TestPool(size_t most = 1000)
      : pool_(most, {counters_[0], counters_[1], counters_[2], counters_[3], counters_[4], counters_[5],
                     counters_[6], counters_[7]}) {}
  ~TestPool() {
    EXPECT_EQ(pool_.counters().inflaters_in_use.Get(), 0U);
    EXPECT_EQ(pool_.counters().deflaters_in_use.Get(), 0U);
  }
  DeflatePool& operator*() { return pool_; }
  DeflatePool* operator->() { return &pool_; }
  uint64_t inflaters() { return pool_.counters().inflaters_in_use.Get(); }
  uint64_t deflaters() { return pool_.counters().deflaters_in_use.Get(); }

 private:
  std::array<base::Counter, 8> counters_;
  DeflatePool pool_;
};

// Text that compresses about as well as JSON does; the same for the same arguments.
inline std::string SomeText(size_t bytes, unsigned seed = 1) {
  static constexpr std::string_view kWords[] = {
      "{\"price\":", "104.25",   ",\"symbol\":\"", "HWSR", "\",\"bid\":", "17", "},",
      "rope",        " moored ", "quay ",          "0.5",  "[",           "]"};
  std::string text;
  while (text.size() < bytes) {
    seed = seed * 1664525 + 1013904223;
    text += kWords[(seed >> 16) % std::size(kWords)];
  }
  text.resize(bytes);
  return text;
}

inline std::string Noise(size_t bytes, unsigned seed = 1) {
  std::string noise(bytes, '\0');
  for (char& byte : noise) {
    seed = seed * 1664525 + 1013904223;
    byte = static_cast<char>(seed >> 24);
  }
  return noise;
}

}  // namespace hawser::ws
