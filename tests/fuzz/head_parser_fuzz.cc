// The head parsers on any bytes: a head fed byte by byte gets the verdict of the whole, views lie inside the
// input, a complete head has sound framing and host, and what the serializer makes of it is read as the same
// head again.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "proxy/http1/body.h"
#include "proxy/http1/head_parser.h"
#include "proxy/http1/serializer.h"

namespace {

using namespace hawser;
using http1::ParseState;

constexpr http1::HeadLimits kLimits{.head_bytes = 512, .headers = 20};

void Check(bool holds) {
  if (!holds) std::abort();
}

bool Inside(std::string_view part, std::string_view whole) {
  return part.empty() ||
         (part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size());
}

void CheckViews(const http::HeaderList& headers, std::string_view bytes) {
  for (const http::Header& header : headers) {
    Check(Inside(header.name, bytes) && Inside(header.value, bytes));
    Check(!header.name.empty());
  }
}

void CheckRequest(const http::RequestHead& head, std::string_view bytes) {
  CheckViews(head.headers, bytes);
  Check(Inside(head.method, bytes) && Inside(head.authority, bytes));
  Check(Inside(head.target, bytes) || head.target == "/" || head.target == "*" ||
        (head.target_text != nullptr && head.target == *head.target_text));
  Check(head.target.starts_with('/') || head.target == "*");
  Check(http1::RequestFraming(head).reject == http::Reject::kNone);
  Check(head.version == http::Version::kHttp10 || http::IsValidAuthority(head.authority));
  std::string written;
  Check(http1::AppendRequestHead(head, {}, written));
  if (head.authority.empty()) return;  // of HTTP/1.0, which may lack what is written as HTTP/1.1
  http::RequestHead again;
  size_t scanned = 0;
  const auto result = http1::ParseRequestHead(written, {.head_bytes = 8192, .headers = 30}, again, scanned);
  Check(result.state == ParseState::kComplete && result.head_bytes == written.size());
  Check(again.method == head.method && again.target == head.target && again.authority == head.authority);
}

void CheckResponse(const http::ResponseHead& head, std::string_view bytes) {
  CheckViews(head.headers, bytes);
  Check(Inside(head.reason, bytes) && head.status >= 100 && head.status <= 999);
  Check(http1::ResponseFraming("GET", head).reject == http::Reject::kNone);
  std::string written;
  Check(http1::AppendResponseHead(head, {}, written));
}

// Each prefix lies in memory of its own, so that a read behind its end is seen.
template <typename Head, typename Parse>
http1::ParseResult ParseByByte(std::string_view bytes, Parse parse) {
  http1::ParseResult result;
  size_t scanned = 0;
  for (size_t size = 0; size <= bytes.size() && result.state == ParseState::kIncomplete; ++size) {
    Head head;
    const std::string prefix(bytes.substr(0, size));
    result = parse(prefix, kLimits, head, scanned);
  }
  return result;
}

template <typename Head, typename Parse, typename Judge>
void Differ(std::string_view bytes, Parse parse, Judge judge) {
  Head head;
  size_t scanned = 0;
  const http1::ParseResult whole = parse(bytes, kLimits, head, scanned);
  const http1::ParseResult slow = ParseByByte<Head>(bytes, parse);
  Check(whole.state == slow.state && whole.head_bytes == slow.head_bytes && whole.reject == slow.reject);
  Check((whole.state == ParseState::kRejected) == (whole.reject != http::Reject::kNone));
  if (whole.state == ParseState::kComplete) {
    Check(whole.head_bytes <= bytes.size() && bytes.substr(0, whole.head_bytes).ends_with("\r\n\r\n"));
    judge(head, bytes.substr(0, whole.head_bytes));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  Differ<http::RequestHead>(bytes, http1::ParseRequestHead, CheckRequest);
  Differ<http::ResponseHead>(bytes, http1::ParseResponseHead, CheckResponse);
  return 0;
}
