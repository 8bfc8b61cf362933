#include "proxy/http2/frame_splitter.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "gtest/gtest.h"
#include "tests/unit/http2/frames.h"

namespace hawser::http2 {
namespace {

using std::chrono::seconds;

constexpr base::TimePoint kNow{seconds(7)};

struct Parts {
  std::vector<nghttp2_frame_hd> headers;
  std::string bytes;  // that were to be passed on
};

// Feeds `text`, at most `piece` bytes at a time.
Parts Split(FrameSplitter& splitter, std::string_view text, size_t piece) {
  Parts parts;
  for (; !text.empty(); text.remove_prefix(std::min(piece, text.size()))) {
    auto bytes = std::as_bytes(std::span(text.substr(0, piece)));
    while (!bytes.empty()) {
      const FrameSplitter::Part part = splitter.Next(bytes, kNow);
      if (part.header) parts.headers.push_back(*part.header);
      parts.bytes.append(reinterpret_cast<const char*>(part.bytes.data()), part.bytes.size());
    }
  }
  return parts;
}

TEST(FrameSplitter, FindsEachHeaderInWhateverPiecesItComes) {
  const std::string text = "preface!" + Frame(kSettingsFrame, kAck, 0, "") +
                           Frame(kData, kEndStream, 5, "payload") + Frame(kPing, 0, 0, "12345678");
  for (size_t piece = 1; piece <= text.size(); ++piece) {
    FrameSplitter splitter(8);
    const Parts parts = Split(splitter, text, piece);
    EXPECT_EQ(parts.bytes, text) << piece;
    ASSERT_EQ(parts.headers.size(), 3u) << piece;
    EXPECT_EQ(parts.headers[0].type, kSettingsFrame);
    EXPECT_EQ(parts.headers[0].flags, kAck);
    EXPECT_EQ(parts.headers[1].stream_id, 5);
    EXPECT_EQ(parts.headers[1].length, 7u);
    EXPECT_EQ(parts.headers[2].type, kPing);
  }
}

TEST(FrameSplitter, KnowsWhenAHeaderBlockIsUnderWay) {
  for (const size_t piece : {size_t{1}, size_t{1000}}) {
    FrameSplitter splitter(0);
    EXPECT_EQ(splitter.block_begun(), base::TimePoint::max());
    Split(splitter, Headers(1, "block", 0), piece);
    EXPECT_EQ(splitter.block_begun(), kNow);
    Split(splitter, Frame(kContinuation, 0, 1, "more"), piece);
    EXPECT_EQ(splitter.block_begun(), kNow);
    EXPECT_EQ(splitter.continuations(), 1u);
    Split(splitter, Frame(kContinuation, kEndHeaders, 1, "end").substr(0, 11), piece);
    EXPECT_EQ(splitter.block_begun(), kNow) << "the last byte is missing";
    Split(splitter, "d", piece);
    EXPECT_EQ(splitter.block_begun(), base::TimePoint::max());
    EXPECT_EQ(splitter.continuations(), 2u);
    Split(splitter, Headers(3, "", kEndHeaders), piece);
    EXPECT_EQ(splitter.block_begun(), base::TimePoint::max());
    EXPECT_EQ(splitter.continuations(), 0u);
  }
}

}  // namespace
}  // namespace hawser::http2
