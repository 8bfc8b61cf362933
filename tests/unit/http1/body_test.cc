#include "proxy/http1/body.h"

#include <string>

#include "gtest/gtest.h"

namespace hawser::http1::body_test {
namespace {

using namespace std::string_literals;
using http::Reject;
using Kind = Framing::Kind;

constexpr Framing kChunked{.kind = Kind::kChunked};

std::span<const std::byte> Bytes(std::string_view text) {
  return std::as_bytes(std::span(text));
}

struct Decoded {
  std::string payload;
  std::string trailers;
  size_t consumed = 0;
  bool done = false;
  bool error = false;
  bool operator==(const Decoded&) const = default;
};

// Feeds `text` to a decoder, `step` bytes at a time at the most.
Decoded DecodeBy(size_t step, Framing framing, std::string_view text, BodyLimits limits) {
  BodyDecoder decoder(framing, limits);
  Decoded decoded;
  do {
    const auto in = Bytes(text.substr(decoded.consumed, step));
    const Piece piece = decoder.Next(in);
    const bool inside =
        piece.data.empty() || (piece.data.data() >= in.data() &&
                               piece.data.data() + piece.data.size() <= in.data() + piece.consumed);
    EXPECT_TRUE(inside && piece.consumed <= in.size());
    for (const std::byte byte : piece.data) decoded.payload += static_cast<char>(byte);
    decoded.consumed += piece.consumed;
    decoded.done = piece.done;
    decoded.error = piece.error;
    EXPECT_TRUE(piece.consumed > 0 || piece.done || piece.error || in.empty());
  } while (!decoded.done && !decoded.error && decoded.consumed < text.size());
  EXPECT_EQ(decoder.done(), decoded.done);
  decoded.trailers = decoder.trailers();
  return decoded;
}

// However the bytes are cut, the outcome is the same.
Decoded Decode(Framing framing, std::string_view text, BodyLimits limits = {}) {
  const Decoded whole = DecodeBy(text.size() + 1, framing, text, limits);
  for (size_t step = 1; step <= std::min<size_t>(text.size(), 40); ++step) {
    EXPECT_EQ(DecodeBy(step, framing, text, limits), whole) << text << " by " << step;
  }
  return whole;
}

bool IsBroken(std::string_view text, BodyLimits limits = {}) {
  return Decode(kChunked, text, limits).error;
}

http::RequestHead Request(std::string_view name = {}, std::string_view value = {}) {
  http::RequestHead head{.method = "POST"};
  if (!name.empty()) head.headers.Add(name, value);
  return head;
}

TEST(RequestFraming, IsWhatTheHeadSays) {
  EXPECT_EQ(RequestFraming(Request()).framing, Framing{});
  EXPECT_EQ(RequestFraming(Request("Content-Length", "0")).framing, Framing{});
  EXPECT_EQ(RequestFraming(Request("content-length", "12")).framing, (Framing{Kind::kLength, 12}));
  EXPECT_EQ(RequestFraming(Request("Content-Length", "0012")).framing, (Framing{Kind::kLength, 12}));
  EXPECT_EQ(RequestFraming(Request("Content-Length", "000")).framing, Framing{});
  EXPECT_EQ(RequestFraming(Request("Transfer-Encoding", "Chunked")).framing, kChunked);
}

TEST(RequestFraming, WhatIsRefusedHasNoFraming) {
  EXPECT_EQ(RequestFraming(Request("Transfer-Encoding", "gzip")).reject, Reject::kUnsupportedTransferCoding);
  EXPECT_EQ(RequestFraming(Request("Transfer-Encoding", "gzip")).framing, Framing{});
  EXPECT_EQ(RequestFraming(Request("Content-Length", "x")).reject, Reject::kMalformedRequest);
}

http::ResponseHead Response(int status, std::string_view name = {}, std::string_view value = {}) {
  http::ResponseHead head{.status = status};
  if (!name.empty()) head.headers.Add(name, value);
  return head;
}

TEST(ResponseFraming, SomeResponsesNeverHaveABody) {
  for (const int status : {100, 101, 103, 204, 304}) {
    EXPECT_EQ(ResponseFraming("GET", Response(status, "Content-Length", "5")).framing, Framing{}) << status;
    EXPECT_EQ(ResponseFraming("GET", Response(status, "Transfer-Encoding", "chunked")).framing, Framing{})
        << status;
    EXPECT_EQ(ResponseFraming("GET", Response(status)).framing, Framing{}) << status;
  }
  EXPECT_EQ(ResponseFraming("HEAD", Response(200, "Content-Length", "5")).framing, Framing{});
  EXPECT_EQ(ResponseFraming("HEAD", Response(200)).framing, Framing{});
}

// RFC 9112 §6.3: regardless of the fields, which go no further than here.
TEST(ResponseFraming, AnInterimResponseNeverHasABody) {
  for (const int status : {100, 101, 103, 199, 204}) {
    for (const char* length : {"x", "-5", "", "5, 5"}) {
      EXPECT_EQ(ResponseFraming("GET", Response(status, "Content-Length", length)).reject, Reject::kNone)
          << status;
    }
    http::ResponseHead both = Response(status, "Transfer-Encoding", "gzip");
    both.headers.Add("Content-Length", "5");
    both.version = http::Version::kHttp10;
    EXPECT_EQ(ResponseFraming("GET", both).reject, Reject::kNone) << status;
    EXPECT_EQ(ResponseFraming("GET", both).framing, Framing{}) << status;
  }
  EXPECT_EQ(ResponseFraming("GET", Response(304, "Content-Length", "x")).reject, Reject::kBadBackendResponse);
}

TEST(ResponseFraming, TheOthersEndAsTheHeadSaysOrWithTheConnection) {
  EXPECT_EQ(ResponseFraming("GET", Response(200, "Content-Length", "5")).framing,
            (Framing{Kind::kLength, 5}));
  EXPECT_EQ(ResponseFraming("GET", Response(200, "Content-Length", "0")).framing, Framing{});
  EXPECT_EQ(ResponseFraming("GET", Response(403, "Transfer-Encoding", "chunked")).framing, kChunked);
  EXPECT_EQ(ResponseFraming("GET", Response(200)).framing, Framing{Kind::kUntilClose});
}

TEST(ResponseFraming, UnsoundFramingIsTheBackendsFault) {
  EXPECT_EQ(ResponseFraming("HEAD", Response(200, "Content-Length", "-5")).reject,
            Reject::kBadBackendResponse);
  EXPECT_EQ(ResponseFraming("GET", Response(200, "Transfer-Encoding", "gzip")).reject,
            Reject::kBadBackendResponse);
  http::ResponseHead old = Response(200, "Transfer-Encoding", "chunked");
  old.version = http::Version::kHttp10;
  EXPECT_EQ(ResponseFraming("GET", old).reject, Reject::kBadBackendResponse);
}

TEST(BodyDecoder, NoBodyIsDoneAtOnce) {
  BodyDecoder decoder;
  EXPECT_TRUE(decoder.done());
  const Piece piece = decoder.Next(Bytes("GET"));
  EXPECT_TRUE(piece.done);
  EXPECT_EQ(piece.consumed, 0u);
}

TEST(BodyDecoder, ALengthIsCountedAndWhatFollowsIsLeft) {
  const Decoded decoded = Decode({Kind::kLength, 5}, "helloGET");
  EXPECT_EQ(decoded, (Decoded{.payload = "hello", .consumed = 5, .done = true}));
  EXPECT_FALSE(Decode({Kind::kLength, 5}, "hell").done);
}

TEST(BodyDecoder, ABodyUntilTheCloseHasNoOtherEnd) {
  BodyDecoder decoder({Kind::kUntilClose});
  EXPECT_EQ(Decode({Kind::kUntilClose}, "0\r\n\r\n").payload, "0\r\n\r\n");
  EXPECT_FALSE(decoder.done());
  EXPECT_TRUE(decoder.CompleteAtClose());
  EXPECT_FALSE(BodyDecoder({Kind::kLength, 5}).CompleteAtClose());
  EXPECT_FALSE(BodyDecoder(kChunked).CompleteAtClose());
  EXPECT_TRUE(BodyDecoder().CompleteAtClose());
}

TEST(BodyDecoder, ChunksAreTakenOutOfTheirFraming) {
  const Decoded decoded = Decode(kChunked, "5\r\nhello\r\n00A\r\n, world\r\n!\r\n0\r\n\r\nGET");
  EXPECT_EQ(decoded, (Decoded{.payload = "hello, world\r\n!", .consumed = 32, .done = true}));
  EXPECT_EQ(Decode(kChunked, "000\r\n\r\n").payload, "");
  EXPECT_TRUE(Decode(kChunked, "000\r\n\r\n").done);
}

TEST(BodyDecoder, APieceIsTheLongestRunThatLiesTogether) {
  BodyDecoder decoder(kChunked);
  const std::string text = "5\r\nhello\r\n0\r\n\r\n";
  const Piece first = decoder.Next(Bytes(text));
  EXPECT_EQ(first.consumed, 8u);
  EXPECT_EQ(first.data.size(), 5u);
  EXPECT_FALSE(first.done);
  const Piece second = decoder.Next(Bytes(std::string_view(text).substr(8)));
  EXPECT_EQ(second.consumed, 7u);
  EXPECT_TRUE(second.data.empty());
  EXPECT_TRUE(second.done);
}

TEST(BodyDecoder, ChunkSizesAreHexDigitsAndNothingElse) {
  for (const char* size : {"", " 5", "5 ", "5\t", "+5", "-5", "0x5", "5h", "g", ";", " ;a", "\"5\"", "5,5",
                           "_5", "5.0", "5 5"}) {
    EXPECT_TRUE(IsBroken(size + "\r\nhello\r\n0\r\n\r\n"s)) << size;
  }
}

TEST(BodyDecoder, ChunkSizesDoNotOverflow) {
  EXPECT_FALSE(IsBroken("7fffffffffffffff\r\nhello"));
  EXPECT_FALSE(IsBroken("0000000000000005\r\nhello\r\n"));
  EXPECT_TRUE(IsBroken("8000000000000000\r\nhello"));
  EXPECT_TRUE(IsBroken("ffffffffffffffff\r\nhello"));
  EXPECT_TRUE(IsBroken("10000000000000005\r\nhello\r\n"));
  EXPECT_TRUE(IsBroken("00000000000000005\r\nhello\r\n"));
}

TEST(BodyDecoder, LinesOfTheFramingEndInCrLf) {
  EXPECT_TRUE(IsBroken("5\nhello\r\n0\r\n\r\n"));
  EXPECT_TRUE(IsBroken("5\rhello\r\n0\r\n\r\n"));
  EXPECT_TRUE(IsBroken("5\r\r\nhello\r\n0\r\n\r\n"));
  EXPECT_TRUE(IsBroken("5\r\nhello\n0\r\n\r\n"));
  EXPECT_TRUE(IsBroken("5\r\nhello0\r\n\r\n"));
  EXPECT_TRUE(IsBroken("5\r\nhelloX\r\n0\r\n\r\n"));
  EXPECT_TRUE(IsBroken("5\r\nhello\rX0\r\n\r\n"));
  EXPECT_TRUE(IsBroken("0\r\n\n"));
  EXPECT_TRUE(IsBroken("0\n\r\n"));
  EXPECT_TRUE(IsBroken("0\r\n\rX"));
  EXPECT_TRUE(IsBroken("5;a\nhello\r\n"));
}

TEST(BodyDecoder, ExtensionsAreSkippedWithinTheirBound) {
  EXPECT_EQ(Decode(kChunked, "5;a=b;c=\"d;e\"\r\nhello\r\n0;x\r\n\r\n").payload, "hello");
  EXPECT_TRUE(IsBroken("5;a\x01\r\nhello\r\n"));
  EXPECT_TRUE(IsBroken("5;a"s + '\0' + "\r\nhello\r\n"));
  const BodyLimits limits{.extension_bytes = 10};
  EXPECT_FALSE(IsBroken(
      "1;" + std::string(9, 'x') + "\r\na\r\n1;" + std::string(9, 'x') + "\r\nb\r\n0\r\n\r\n", limits));
  EXPECT_TRUE(IsBroken("1;" + std::string(10, 'x') + "\r\na\r\n0\r\n\r\n", limits));
}

// RFC 9112 §7.1.1 and §7.1: every form that the grammar has, and what lies just beside it.
TEST(BodyDecoder, ExtensionsAreOfTheirGrammar) {
  for (const char* extension : {";a",
                                ";a=b",
                                ";a;b",
                                ";a=b;c=d",
                                " ;a",
                                "\t ;\ta",
                                "; a",
                                ";a =b",
                                ";a= b",
                                ";a \t=\t b",
                                ";a ;b",
                                ";a=b ;c",
                                ";a=b \t; c",
                                ";a=\"\"",
                                ";a=\"b c;d\"",
                                ";a= \"b\" ;c",
                                ";a=\"\\\"\"",
                                ";a=\"\\\\\";b",
                                ";a=\"\xc3\xa4\t\"",
                                ";!#$%&'*+-.^_`|~=1"}) {
    EXPECT_EQ(Decode(kChunked, "5"s + extension + "\r\nhello\r\n0" + extension + "\r\n\r\n").payload, "hello")
        << extension;
  }
  for (const char* extension :
       {";",      "; ",          ";;a",        ";a;",       ";=b",           ";a=",       ";a= ",
        ";a==b",  ";a=b=c",      ";a b",       ";a=b c",    ";a ",           ";a=b ",     ";a=\"b\" ",
        ";a=\"b", ";a=\"b\\",    ";a=\"b\\\"", ";a=\"b\"c", ";a=\"b\"\"c\"", ";a=b\"c\"", ";\"a\"",
        ";a=(b)", ";a,b",        ";a=b,c",     ";\xc3\xa4", ";a=\xc3\xa4",   " a",        " =b",
        "=b",     ";a=\"\x7f\"", ";a=\"\n\""}) {
    EXPECT_TRUE(IsBroken("5"s + extension + "\r\nhello\r\n0\r\n\r\n")) << extension;
    EXPECT_TRUE(IsBroken("0"s + extension + "\r\n\r\n")) << extension;
  }
}

// What old and embedded servers send is let pass where the reader says so, and only there.
TEST(BodyDecoder, SizesMayBePaddedWhereThatIsAllowed) {
  const BodyLimits lenient{.extension_bytes = 8, .padded_sizes = true};
  EXPECT_EQ(Decode(kChunked, "5   \r\nhello\r\n0 \t\r\n\r\n", lenient).payload, "hello");
  EXPECT_TRUE(Decode(kChunked, "5   \r\nhello\r\n0 \t\r\n\r\n", lenient).done);
  EXPECT_TRUE(IsBroken("5   \r\nhello\r\n0\r\n\r\n"));
  for (const char* size : {" 5", "5 5", "5 \n", "5 x", "5;a ", "5        \t", " "}) {
    EXPECT_TRUE(IsBroken(size + "\r\nhello\r\n0\r\n\r\n"s, lenient)) << size;
  }
}

TEST(BodyDecoder, TrailersAreReadAndThoseThatMayBeArePassedOn) {
  const Decoded decoded =
      Decode(kChunked,
             "1\r\na\r\n0\r\nX-Sum: 1\r\nContent-Length: 5\r\ntransfer-encoding: chunked\r\nHost: b\r\n"
             "Set-Cookie: c\r\nX_Forwarded_For: d\r\nCONTENT_LENGTH: 5\r\nEtag:\"x\"\r\n\r\nGET");
  EXPECT_TRUE(decoded.done);
  EXPECT_EQ(decoded.payload, "a");
  EXPECT_EQ(decoded.trailers, "X-Sum: 1\r\nEtag:\"x\"\r\n");
}

TEST(BodyDecoder, TrailersAreFieldsAndBounded) {
  for (const char* line :
       {"X", " X: a", "X : a", ": a", "X: a\r\n b", "X: a\x01", "X: a\nY: b", "X: a\rY: b"}) {
    EXPECT_TRUE(IsBroken("0\r\n"s + line + "\r\n\r\n")) << line;
  }
  const BodyLimits limits{.trailer_bytes = 12};
  EXPECT_FALSE(IsBroken("0\r\nX: abc\r\nY: abc\r\n\r\n", limits));
  EXPECT_TRUE(IsBroken("0\r\nX: abc\r\nY: abcd\r\n\r\n", limits));
}

TEST(BodyDecoder, ABrokenBodyStaysBroken) {
  BodyDecoder decoder(kChunked);
  EXPECT_TRUE(decoder.Next(Bytes("x")).error);
  EXPECT_TRUE(decoder.Next(Bytes("0\r\n\r\n")).error);
  EXPECT_TRUE(decoder.Next({}).error);
  EXPECT_FALSE(decoder.done());
}

TEST(ChunkHeader, IsTheSizeInHexAndALineEnd) {
  EXPECT_EQ(EncodeChunkHeader(1).view(), "1\r\n");
  EXPECT_EQ(EncodeChunkHeader(26).view(), "1a\r\n");
  EXPECT_EQ(EncodeChunkHeader(~uint64_t{0}).view(), "ffffffffffffffff\r\n");
}

TEST(ChunkHeader, WhatIsEncodedDecodes) {
  const std::string payload(300, 'x');
  std::string text(EncodeChunkHeader(payload.size()).view());
  text.append(payload).append(kChunkEnd).append(kLastChunk).append(kChunkEnd);
  const Decoded decoded = Decode(kChunked, text);
  EXPECT_TRUE(decoded.done);
  EXPECT_EQ(decoded.payload, payload);
}

}  // namespace
}  // namespace hawser::http1::body_test
