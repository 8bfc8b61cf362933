#include "bench/load/frame.h"

#include <algorithm>
#include <cstring>

namespace hawser::bench {
namespace {

uint8_t Byte(std::byte byte) {
  return std::to_integer<uint8_t>(byte);
}

}  // namespace

void AppendHeader(std::vector<std::byte>& out, Opcode opcode, bool fin, uint64_t length, const Mask* mask) {
  const int extra = length < 126 ? 0 : length < 65536 ? 2 : 8;
  const uint64_t marker = extra == 0 ? length : extra == 2 ? 126 : 127;
  out.push_back(std::byte((fin ? 0x80 : 0) | static_cast<uint8_t>(opcode)));
  out.push_back(std::byte((mask != nullptr ? 0x80 : 0) | marker));
  for (int i = extra - 1; i >= 0; --i) out.push_back(std::byte(length >> (8 * i)));
  if (mask != nullptr) out.insert(out.end(), mask->begin(), mask->end());
}

void ApplyMask(std::span<std::byte> payload, const Mask& mask, uint64_t offset) {
  std::array<std::byte, 8> turned;
  for (size_t i = 0; i < turned.size(); ++i) turned[i] = mask[(offset + i) % 4];
  uint64_t key;
  std::memcpy(&key, turned.data(), sizeof key);
  size_t at = 0;
  for (; at + 8 <= payload.size(); at += 8) {
    uint64_t word;
    std::memcpy(&word, payload.data() + at, sizeof word);
    word ^= key;
    std::memcpy(payload.data() + at, &word, sizeof word);
  }
  for (; at < payload.size(); ++at) payload[at] ^= turned[at % 8];
}

size_t FrameReader::HeaderBytes() const {
  if (have_ < 2) return 2;
  const uint8_t marker = Byte(header_[1]) & 0x7f;
  return size_t{2} + (marker == 126 ? 2 : marker == 127 ? 8 : 0) + ((Byte(header_[1]) & 0x80) != 0 ? 4 : 0);
}

bool FrameReader::ReadHeader(std::span<std::byte>& bytes) {
  while (have_ < HeaderBytes()) {
    const size_t count = std::min(HeaderBytes() - have_, bytes.size());
    if (count == 0) return false;
    std::memcpy(header_.data() + have_, bytes.data(), count);
    have_ = static_cast<uint8_t>(have_ + count);
    bytes = bytes.subspan(count);
  }
  const bool masked = (Byte(header_[1]) & 0x80) != 0;
  const size_t length_end = have_ - (masked ? 4 : 0);
  length_ = Byte(header_[1]) & 0x7f;
  if (length_end > 2) length_ = 0;
  for (size_t i = 2; i < length_end; ++i) length_ = length_ << 8 | Byte(header_[i]);
  if (masked) std::memcpy(mask_.data(), header_.data() + length_end, mask_.size());
  offset_ = 0;
  return true;
}

bool FrameReader::Next(std::span<std::byte>& bytes, Piece& piece) {
  const bool first = !in_payload_;
  if (first && !ReadHeader(bytes)) return false;
  if (!first && bytes.empty()) return false;
  const size_t count = static_cast<size_t>(std::min<uint64_t>(bytes.size(), length_ - offset_));
  piece = {.opcode = static_cast<Opcode>(Byte(header_[0]) & 0x0f),
           .fin = (Byte(header_[0]) & 0x80) != 0,
           .masked = (Byte(header_[1]) & 0x80) != 0,
           .first = first,
           .last = offset_ + count == length_,
           .length = length_,
           .offset = offset_,
           .payload = bytes.first(count)};
  if (piece.masked) ApplyMask(piece.payload, mask_, offset_);
  offset_ += count;
  bytes = bytes.subspan(count);
  in_payload_ = !piece.last;
  if (piece.last) have_ = 0;
  return true;
}

}  // namespace hawser::bench
