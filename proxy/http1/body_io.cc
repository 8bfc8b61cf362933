#include "proxy/http1/body_io.h"

#include <algorithm>
#include <cstring>

#include "proxy/base/check.h"
#include "proxy/http1/field_line.h"

namespace hawser::http1 {
namespace {

using net::IoResult;
using net::IoState;

// The decoder hands trailers over as lines, each sound and with its CRLF.
void ParseTrailers(std::string_view lines, http::HeaderList& trailers) {
  http::Header field;
  for (size_t end = lines.find("\r\n"); end != std::string_view::npos; end = lines.find("\r\n")) {
    if (ParseFieldLine(lines.substr(0, end), field)) trailers.Add(field.name, field.value);
    lines.remove_prefix(end + 2);
  }
}

}  // namespace

IoResult BodyReader::Read(std::string& held, net::ByteStream& transport, std::span<std::byte> into) {
  begun_ = true;
  while (!done() && !broken_) {
    IoResult got{std::min(held.size(), into.size()), IoState::kOk};
    if (got.bytes > 0) {
      std::memcpy(into.data(), held.data(), got.bytes);
      held.erase(0, got.bytes);
    } else {
      got = transport.Read(into);
    }
    if (got.state == IoState::kEnd) return AtEnd();
    if (got.state == IoState::kError) return got;
    const size_t payload = Decode(into.first(got.bytes), held);
    if (broken_) break;
    const bool more = done() || !held.empty() || got.state == IoState::kOk;
    if (payload > 0) return {payload, more ? IoState::kOk : IoState::kBlocked};
    if (!more) return {0, IoState::kBlocked};
  }
  end_told_ = !broken_;
  return {0, broken_ ? IoState::kError : IoState::kEnd};
}

IoResult BodyReader::AtEnd() {
  done_ = decoder_.CompleteAtClose();
  broken_ = !done_;
  end_told_ = done_;
  return {0, done_ ? IoState::kEnd : IoState::kError};
}

size_t BodyReader::Decode(std::span<std::byte> raw, std::string& held) {
  size_t used = 0;
  size_t payload = 0;
  while (used < raw.size() && !decoder_.done()) {
    const Piece piece = decoder_.Next(raw.subspan(used));
    broken_ = malformed_ = piece.error;
    if (broken_) return 0;
    HAWSER_DCHECK(piece.consumed <= raw.size() - used && (piece.consumed > 0 || piece.done));
    if (!piece.data.empty()) std::memmove(raw.data() + payload, piece.data.data(), piece.data.size());
    payload += piece.data.size();
    used += piece.consumed;
  }
  if (decoder_.done()) {
    held.insert(0, reinterpret_cast<const char*>(raw.data()) + used, raw.size() - used);
    ParseTrailers(decoder_.trailers(), trailers_);
  }
  return payload;
}

IoState BodyWriter::Flush(net::ByteStream& transport) {
  if (out_.empty()) return IoState::kOk;
  HAWSER_DCHECK(sent_ < out_.size());
  const IoResult put = transport.Write(std::as_bytes(std::span(out_)).subspan(sent_));
  sent_ += put.bytes;
  sent_any_ = sent_any_ || put.bytes > 0;
  if (sent_ == out_.size()) {
    out_ = {};  // an idle connection owns no buffer
    sent_ = 0;
  }
  return put.state;
}

IoResult BodyWriter::Write(net::ByteStream& transport, std::span<const std::byte> bytes) {
  return Put(transport, bytes, false);
}

IoResult BodyWriter::WriteLast(net::ByteStream& transport, std::span<const std::byte> bytes) {
  const IoResult put = Put(transport, bytes, true);
  if (put.state == IoState::kOk) End({});
  return put;
}

IoResult BodyWriter::Put(net::ByteStream& transport, std::span<const std::byte> bytes, bool last) {
  HAWSER_DCHECK(bytes.empty() || !ended_ || framing_ == Framing::kBare);  // nothing follows the last chunk
  if (sent_ > 0) {  // what the transport has begun to take is finished first
    const IoState state = Flush(transport);
    if (state != IoState::kOk) return {0, state};
  }
  if (out_.empty() && (framing_ == Framing::kBare || bytes.empty())) {
    const IoResult put = transport.Write(bytes);
    sent_any_ = sent_any_ || put.bytes > 0;
    return put;
  }
  const auto text = std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (framing_ == Framing::kChunked && !bytes.empty()) {
    out_.append(EncodeChunkHeader(bytes.size()).view()).append(text).append(kChunkEnd);
  } else {
    out_ += text;
  }
  if (last) End({});
  const IoState state = Flush(transport);
  return {state == IoState::kError ? 0 : bytes.size(), state};
}

void BodyWriter::End(const http::HeaderList& trailers) {
  if (std::exchange(ended_, true) || framing_ == Framing::kBare) return;
  out_ += kLastChunk;
  for (const http::Header& field : trailers)
    out_.append(field.name).append(": ").append(field.value).append(kChunkEnd);
  out_ += kChunkEnd;
}

}  // namespace hawser::http1
