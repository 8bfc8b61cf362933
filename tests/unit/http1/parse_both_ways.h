// How the tests of the head parsers ask: of the whole head, and of one byte more each time.
#pragma once

#include <string>

#include "gtest/gtest.h"
#include "proxy/http1/head_parser.h"

namespace hawser::http1 {

// The verdict on the whole. The one that comes byte by byte (moved in memory between calls) must be the same.
template <typename Head, typename Parse>
ParseResult ParseBothWays(const std::string& bytes, const HeadLimits& limits, Head& head, Parse parse) {
  ParseResult slow;
  size_t scanned = 0;
  for (size_t size = 0; size <= bytes.size() && slow.state == ParseState::kIncomplete; ++size) {
    Head moved;
    const std::string prefix = bytes.substr(0, size);
    slow = parse(prefix, limits, moved, scanned);
  }
  scanned = 0;
  const ParseResult whole = parse(bytes, limits, head, scanned);
  EXPECT_EQ(whole.state, slow.state) << bytes;
  EXPECT_EQ(whole.head_bytes, slow.head_bytes) << bytes;
  EXPECT_EQ(whole.reject, slow.reject) << bytes;
  return whole;
}

}  // namespace hawser::http1
