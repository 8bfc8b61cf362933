// Where a body ends (RFC 9112 §6, §7): the decision from the head, and a decoder that finds payload bytes in
// place. Ambiguous framing is refused and never resolved, because it allows request smuggling. Sans-I/O;
// nothing is allocated unless a trailer section comes.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "proxy/http/head.h"
#include "proxy/http/reject.h"
#include "proxy/http1/chunk_extensions.h"

namespace hawser::http1 {

struct Framing {
  enum class Kind : uint8_t { kNone, kLength, kChunked, kUntilClose };
  Kind kind = Kind::kNone;
  uint64_t length = 0;  // of kLength, at most 2^63-1; a length of 0 is kNone
  bool operator==(const Framing&) const = default;
};

struct FramingResult {
  Framing framing;
  http::Reject reject = http::Reject::kNone;
};

// Of an HTTP/1 request. Refused: Content-Length twice, as a list, signed or beyond 2^63-1; together with
// Transfer-Encoding; Transfer-Encoding in HTTP/1.0, or anything but "chunked" (well-formed codings that
// hawser does not know are kUnsupportedTransferCoding, the rest kMalformedRequest).
FramingResult RequestFraming(const http::RequestHead& head);

// Of an HTTP/1 response to a request of that method. The same refusals, all as kBadBackendResponse; but a 1xx
// or a 204 ends with its head, whatever its fields say (RFC 9112 §6.3).
FramingResult ResponseFraming(std::string_view request_method, const http::ResponseHead& head);

struct BodyLimits {
  size_t extension_bytes = 256;     // of one chunk, white space included
  size_t trailer_bytes = 8 * 1024;  // of the whole section
  // Accept white space between a chunk's size and its CRLF. The grammar has none there; old servers send it.
  bool padded_sizes = false;
};

struct Piece {
  size_t consumed = 0;              // bytes of the input that need not be passed again
  std::span<const std::byte> data;  // payload, a part of those; may be empty
  bool done = false;                // the body is complete; what follows `consumed` is not of it
  bool error = false;               // the framing is broken: nothing more can be read from this connection
};

class BodyDecoder {
 public:
  BodyDecoder() = default;  // no body
  explicit BodyDecoder(Framing framing, BodyLimits limits = {});

  // Advances to the end of the next run of payload, of the input, or of the body. Call it with what is left
  // until consumed equals the input or the body is done; a body without bytes is done at once, with an empty
  // input too.
  Piece Next(std::span<const std::byte> in);

  bool done() const { return state_ == State::kDone; }
  // Whether the body may end here by the end of the connection.
  bool CompleteAtClose() const { return done() || framing_.kind == Framing::Kind::kUntilClose; }

  // The fields of a chunked body's trailer section, each with its CRLF, as they may be passed on: those that
  // frame, route or authenticate a message are left out (RFC 9110 §6.5.1). Complete when done() is.
  std::string_view trailers() const { return trailers_; }

 private:
  enum class State : uint8_t {
    kSize,
    kExtension,
    kSizeEnd,
    kData,
    kDataCr,
    kDataLf,
    kTrailer,
    kTrailerEnd,
    kDone,
    kBroken
  };

  Piece NextChunked(std::span<const std::byte> in);
  State Step(char c);
  State OnSize(char c);
  State OnExtension(char c);
  State OnSizeEnd();
  State OnTrailer(char c);
  State OnTrailerEnd();

  Framing framing_;
  BodyLimits limits_;
  State state_ = State::kDone;
  uint8_t digits_ = 0;          // of the chunk size that is being read
  uint64_t remaining_ = 0;      // payload bytes of this chunk, or of the body
  ChunkExtensions extensions_;  // of the chunk that is being read
  size_t extension_bytes_ = 0;
  size_t trailer_bytes_ = 0;
  std::string line_;  // the trailer field that is being read
  std::string trailers_;
};

// "1a\r\n": stands before that many payload bytes, kChunkEnd behind them. The size is not 0.
struct ChunkHeader {
  std::array<char, 18> text;
  size_t size;
  std::string_view view() const { return {text.data(), size}; }
};
ChunkHeader EncodeChunkHeader(uint64_t payload_bytes);

inline constexpr std::string_view kChunkEnd = "\r\n";
// Then the trailer fields, if any, and kChunkEnd.
inline constexpr std::string_view kLastChunk = "0\r\n";

}  // namespace hawser::http1
