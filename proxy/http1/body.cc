#include "proxy/http1/body.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>

#include "proxy/base/check.h"
#include "proxy/http/characters.h"
#include "proxy/http/trailers.h"
#include "proxy/http1/field_line.h"

namespace hawser::http1 {
namespace {

using http::Reject;

// A peer may store a length in a signed integer, where it must not become negative.
constexpr uint64_t kLargestLength = std::numeric_limits<int64_t>::max();

// 1*DIGIT.
std::optional<uint64_t> ParseLength(std::string_view text) {
  uint64_t length = 0;
  if (text.empty() || !http::AllAre(text, http::kDigit)) return std::nullopt;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), length);
  if (error != std::errc() || length > kLargestLength) return std::nullopt;
  return length;
}

// A list of codings without parameters, in one field. Sound lists end in "chunked" or do not have it at all.
Reject CheckCodings(std::string_view value) {
  if (http::EqualsIgnoreCase(value, "chunked")) return Reject::kNone;
  bool chunked = false;
  for (bool last = false; !last;) {
    const size_t comma = value.find(',');
    last = comma == std::string_view::npos;
    const std::string_view coding = http::TrimWhitespace(value.substr(0, comma));
    if (chunked || !http::IsToken(coding)) return Reject::kMalformedRequest;
    chunked = http::EqualsIgnoreCase(coding, "chunked");
    if (!last) value.remove_prefix(comma + 1);
  }
  return Reject::kUnsupportedTransferCoding;
}

FramingResult FramingOf(const http::HeaderList& headers, http::Version version) {
  const size_t codings = headers.Count("Transfer-Encoding");
  const size_t lengths = headers.Count("Content-Length");
  if (codings + lengths == 0) return {};
  if (codings + lengths > 1) return {.reject = Reject::kMalformedRequest};
  if (codings == 1) {
    if (version == http::Version::kHttp10) return {.reject = Reject::kMalformedRequest};
    return {.framing = {.kind = Framing::Kind::kChunked},
            .reject = CheckCodings(*headers.Find("Transfer-Encoding"))};
  }
  const auto length = ParseLength(*headers.Find("Content-Length"));
  if (!length) return {.reject = Reject::kMalformedRequest};
  if (*length == 0) return {};
  return {.framing = {.kind = Framing::Kind::kLength, .length = *length}};
}

uint64_t HexValue(char c) {
  return static_cast<uint64_t>(c <= '9' ? c - '0' : http::LowerCase(c) - 'a' + 10);
}

}  // namespace

FramingResult RequestFraming(const http::RequestHead& head) {
  FramingResult result = FramingOf(head.headers, head.version);
  if (result.reject != Reject::kNone) result.framing = {};
  return result;
}

FramingResult ResponseFraming(std::string_view request_method, const http::ResponseHead& head) {
  if (head.status < 200 || head.status == 204) return {};  // whatever its fields say: they go no further
  FramingResult result = FramingOf(head.headers, head.version);
  if (result.reject != Reject::kNone) return {.reject = Reject::kBadBackendResponse};
  if (http::NeverHasBody(head.status) || request_method == "HEAD") return {};
  const bool framed = result.framing.kind != Framing::Kind::kNone || head.headers.Count("Content-Length") > 0;
  if (!framed) result.framing.kind = Framing::Kind::kUntilClose;
  return result;
}

BodyDecoder::BodyDecoder(Framing framing, BodyLimits limits) : framing_(framing), limits_(limits) {
  if (framing.kind == Framing::Kind::kChunked) state_ = State::kSize;
  if (framing.kind == Framing::Kind::kUntilClose) state_ = State::kData;
  if (framing.kind == Framing::Kind::kLength && framing.length > 0) state_ = State::kData;
  remaining_ = framing.length;
}

Piece BodyDecoder::Next(std::span<const std::byte> in) {
  if (done()) return {.done = true};
  if (framing_.kind == Framing::Kind::kChunked) return NextChunked(in);
  if (framing_.kind == Framing::Kind::kUntilClose) return {.consumed = in.size(), .data = in};
  HAWSER_DCHECK(framing_.kind == Framing::Kind::kLength && remaining_ > 0);
  const size_t count = std::min<uint64_t>(remaining_, in.size());
  remaining_ -= count;
  if (remaining_ == 0) state_ = State::kDone;
  return {.consumed = count, .data = in.first(count), .done = done()};
}

Piece BodyDecoder::NextChunked(std::span<const std::byte> in) {
  for (size_t i = 0; i < in.size(); ++i) {
    if (state_ == State::kData) {
      HAWSER_DCHECK(remaining_ > 0);
      const size_t count = std::min<uint64_t>(remaining_, in.size() - i);
      remaining_ -= count;
      if (remaining_ == 0) state_ = State::kDataCr;
      return {.consumed = i + count, .data = in.subspan(i, count)};
    }
    state_ = Step(static_cast<char>(in[i]));
    if (state_ == State::kBroken) return {.consumed = i, .error = true};
    if (state_ == State::kDone) return {.consumed = i + 1, .done = true};
  }
  return {.consumed = in.size(), .error = state_ == State::kBroken};
}

BodyDecoder::State BodyDecoder::Step(char c) {
  switch (state_) {
    case State::kSize: return OnSize(c);
    case State::kExtension: return OnExtension(c);
    case State::kSizeEnd: return c == '\n' ? OnSizeEnd() : State::kBroken;
    case State::kDataCr: return c == '\r' ? State::kDataLf : State::kBroken;
    case State::kDataLf: return c == '\n' ? State::kSize : State::kBroken;
    case State::kTrailer: return OnTrailer(c);
    case State::kTrailerEnd: return c == '\n' ? OnTrailerEnd() : State::kBroken;
    case State::kData:
    case State::kDone:
    case State::kBroken: break;
  }
  return State::kBroken;
}

// 1*HEXDIG, up to the CR or an extension.
BodyDecoder::State BodyDecoder::OnSize(char c) {
  if (http::Is(c, http::kHexDigit)) {
    if (++digits_ > 16) return State::kBroken;
    remaining_ = remaining_ << 4 | HexValue(c);
    return State::kSize;
  }
  if (digits_ == 0 || remaining_ > kLargestLength) return State::kBroken;
  digits_ = 0;
  extension_bytes_ = 0;
  extensions_ = ChunkExtensions(limits_.padded_sizes);
  return OnExtension(c);
}

BodyDecoder::State BodyDecoder::OnExtension(char c) {
  if (c == '\r') return extensions_.MayEnd() ? State::kSizeEnd : State::kBroken;
  const bool sound = ++extension_bytes_ <= limits_.extension_bytes && extensions_.Take(c);
  return sound ? State::kExtension : State::kBroken;
}

BodyDecoder::State BodyDecoder::OnSizeEnd() {
  return remaining_ == 0 ? State::kTrailer : State::kData;
}

BodyDecoder::State BodyDecoder::OnTrailer(char c) {
  if (c == '\r') return State::kTrailerEnd;
  if (!http::Is(c, http::kFieldCharacter) || ++trailer_bytes_ > limits_.trailer_bytes) return State::kBroken;
  line_ += c;
  return State::kTrailer;
}

BodyDecoder::State BodyDecoder::OnTrailerEnd() {
  if (line_.empty()) return State::kDone;
  http::Header field;
  if (!ParseFieldLine(line_, field)) return State::kBroken;
  if (http::MayBeTrailer(field.name)) trailers_.append(line_).append("\r\n");
  line_.clear();
  return State::kTrailer;
}

ChunkHeader EncodeChunkHeader(uint64_t payload_bytes) {
  HAWSER_DCHECK(payload_bytes > 0);  // a size of 0 ends the body
  ChunkHeader header;
  char* const begin = header.text.data();
  char* end = std::to_chars(begin, begin + 16, payload_bytes, 16).ptr;
  *end++ = '\r';
  *end++ = '\n';
  header.size = static_cast<size_t>(end - begin);
  HAWSER_DCHECK(header.size <= header.text.size());
  return header;
}

}  // namespace hawser::http1
