#include "tests/integration/harness/deflate.h"

#include <iterator>

#include <zlib.h>

#include <gtest/gtest.h>

namespace hawser::integration {

std::string Compress(std::string_view text, int window_bits) {
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, 6, Z_DEFLATED, -window_bits, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string out(deflateBound(&stream, text.size()) + 64, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_SYNC_FLUSH);
  out.resize(out.size() - stream.avail_out - 4);
  deflateEnd(&stream);
  return out;
}

std::string Decompress(std::string payload, int window_bits) {
  payload.append("\0\0\xff\xff", 4);
  z_stream stream{};
  EXPECT_EQ(inflateInit2(&stream, -window_bits), Z_OK);
  stream.next_in = reinterpret_cast<Bytef*>(payload.data());
  stream.avail_in = static_cast<uInt>(payload.size());
  std::string text;
  int result = Z_OK;
  while (result == Z_OK && (stream.avail_in > 0 || stream.avail_out == 0)) {
    char piece[16384];
    stream.next_out = reinterpret_cast<Bytef*>(piece);
    stream.avail_out = sizeof piece;
    result = inflate(&stream, Z_SYNC_FLUSH);
    text.append(piece, sizeof piece - stream.avail_out);
  }
  EXPECT_TRUE(result == Z_OK || result == Z_BUF_ERROR) << "not DEFLATE: " << result;
  inflateEnd(&stream);
  return text;
}

Request Offering(std::string_view offer) {
  return {.more = {{"Sec-WebSocket-Extensions", std::string(offer)}}};
}

std::string CompressedMessage(std::string_view text, uint8_t opcode, size_t fragment) {
  const std::string payload = Compress(text);
  std::string frames;
  size_t at = 0;
  do {
    const std::string part = payload.substr(at, fragment);
    frames += EncodeMasked({.opcode = at == 0 ? opcode : uint8_t{kContinuation},
                            .payload = part,
                            .fin = at + part.size() == payload.size(),
                            .reserved = at == 0 ? kRsv1 : uint8_t{0}});
    at += part.size();
  } while (at < payload.size());
  return frames;
}

Message ReadMessage(Wire& wire, int window_bits) {
  Message message;
  while (true) {
    Frame frame = ReadFrame(wire);
    if (frame.ended()) return {};
    if (frame.opcode == kPing || frame.opcode == kPong) continue;
    if (frame.opcode == kClose) return {.opcode = kClose, .text = frame.payload};
    EXPECT_EQ(frame.opcode == kContinuation, message.frames > 0);
    if (message.frames++ == 0) {
      message.opcode = frame.opcode;
      message.compressed = frame.reserved == kRsv1;
    } else {
      EXPECT_EQ(frame.reserved, 0);
    }
    message.text += frame.payload;
    if (frame.fin) break;
  }
  message.wire_bytes = message.text.size();
  if (message.compressed) message.text = Decompress(message.text, window_bits);
  return message;
}

std::string SomeText(size_t bytes) {
  static constexpr std::string_view kWords[] = {
      "{\"price\":", "104.25",   ",\"symbol\":\"", "HWSR", "\",\"bid\":", "17", "},",
      "rope",        " moored ", "quay ",          "0.5",  "[",           "]"};
  std::string text;
  for (unsigned seed = 1; text.size() < bytes;) {
    seed = seed * 1664525 + 1013904223;
    text += kWords[(seed >> 16) % std::size(kWords)];
  }
  text.resize(bytes);
  return text;
}

std::string Noise(size_t bytes) {
  std::string noise(bytes, '\0');
  unsigned seed = 1;
  for (char& byte : noise) {
    seed = seed * 1664525 + 1013904223;
    byte = static_cast<char>(seed >> 24);
  }
  return noise;
}

}  // namespace hawser::integration
