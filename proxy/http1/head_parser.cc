#include "proxy/http1/head_parser.h"

#include <algorithm>

#include "proxy/base/check.h"
#include "proxy/http/characters.h"
#include "proxy/http1/body.h"
#include "proxy/http1/field_line.h"
#include "proxy/http1/request_target.h"

namespace hawser::http1 {
namespace {

using http::Reject;

ParseResult Rejected(Reject reject) {
  return {.state = ParseState::kRejected, .reject = reject};
}

// Finds the end of the head: the CRLF of an empty line. Everything before `scanned` is known to be sound; a
// CR whose LF has not arrived is looked at again. An empty line at the very start does not end the head: the
// second pass decides on it.
ParseResult FindEnd(std::string_view bytes, size_t& scanned) {
  scanned = std::min(scanned, bytes.size());
  for (size_t i = http::FindControl(bytes, scanned); i < bytes.size(); i = http::FindControl(bytes, i + 2)) {
    scanned = i;
    if (bytes[i] != '\r') return Rejected(Reject::kMalformedRequest);
    if (i + 1 == bytes.size()) return {};
    if (bytes[i + 1] != '\n') return Rejected(Reject::kMalformedRequest);
    if (i > 0 && bytes[i - 1] == '\n') return {.state = ParseState::kComplete, .head_bytes = i + 2};
  }
  scanned = bytes.size();
  return {};
}

// Behind the empty line that may stand ahead of it.
bool HasFirstLine(std::string_view text) {
  return text.find("\r\n", text.starts_with("\r\n") ? 2 : 0) != std::string_view::npos;
}

ParseResult FindBoundedEnd(std::string_view bytes, const HeadLimits& limits, size_t& scanned) {
  const std::string_view within = bytes.substr(0, limits.head_bytes);
  const ParseResult end = FindEnd(within, scanned);
  if (end.state != ParseState::kIncomplete || within.size() < limits.head_bytes) return end;
  return Rejected(HasFirstLine(within) ? Reject::kHeadTooLarge : Reject::kUriTooLong);
}

// Takes a line off, without its CRLF; every CR in `text` begins one.
std::string_view TakeLine(std::string_view& text) {
  const size_t end = text.find('\r');
  HAWSER_DCHECK(end != text.npos && text[end + 1] == '\n');
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end + 2);
  return line;
}

// Hawser's own fields, behind those of a browser, included.
constexpr size_t kUsualHeaders = 24;

// `text` ends with the empty line.
Reject ParseFields(std::string_view text, const HeadLimits& limits, http::HeaderList& headers) {
  headers.Clear();
  headers.Reserve(kUsualHeaders);
  http::Header header;
  for (auto line = TakeLine(text); !line.empty(); line = TakeLine(text)) {
    if (headers.size() == limits.headers) return Reject::kTooManyHeaders;
    if (!ParseFieldLine(line, header)) return Reject::kMalformedRequest;
    headers.Add(header.name, header.value);
  }
  return Reject::kNone;
}

// "HTTP/" DIGIT "." DIGIT. A minor version that is not known is read as the highest that is.
Reject ParseVersion(std::string_view text, http::Version& version) {
  constexpr std::string_view kForm = "HTTP/1.1";
  constexpr size_t kMajor = 5;
  if (text.size() != kForm.size() || !text.starts_with(kForm.substr(0, kMajor)) || text[kMajor + 1] != '.' ||
      !http::Is(text[kMajor], http::kDigit) || !http::Is(text.back(), http::kDigit)) {
    return Reject::kMalformedRequest;
  }
  version = text.back() == '0' ? http::Version::kHttp10 : http::Version::kHttp11;
  return text[kMajor] == '1' ? Reject::kNone : Reject::kUnsupportedVersion;
}

// method SP request-target SP HTTP-version
Reject ParseRequestLine(std::string_view line, http::RequestHead& head) {
  const size_t first = line.find(' ');
  const size_t last = line.rfind(' ');
  if (first == last) return Reject::kMalformedRequest;  // also where there is none
  head.method = line.substr(0, first);
  // PRI begins the preface of HTTP/2 and is no method (RFC 9113 §3.4).
  if (!http::IsToken(head.method) || head.method == "PRI") return Reject::kMalformedRequest;
  if (const Reject reject = ParseVersion(line.substr(last + 1), head.version); reject != Reject::kNone)
    return reject;
  return ResolveTarget(line.substr(first + 1, last - first - 1), head);
}

Reject ParseRequest(std::string_view text, const HeadLimits& limits, http::RequestHead& head) {
  head.protocol = {};
  if (text.starts_with("\r\n")) text.remove_prefix(2);
  if (const Reject reject = ParseRequestLine(TakeLine(text), head); reject != Reject::kNone) return reject;
  if (const Reject reject = ParseFields(text, limits, head.headers); reject != Reject::kNone) return reject;
  if (const Reject reject = ResolveHost(head); reject != Reject::kNone) return reject;
  const auto [framing, reject] = RequestFraming(head);
  head.body = framing.kind != Framing::Kind::kNone;
  http::RemoveLengthZeros(head.headers);
  return reject;
}

// HTTP-version SP 3DIGIT SP [ reason-phrase ]
bool ParseStatusLine(std::string_view line, http::ResponseHead& head) {
  constexpr size_t kVersionBytes = 8;
  constexpr size_t kStatusEnd = kVersionBytes + 4;
  if (line.size() < kStatusEnd || line[kVersionBytes] != ' ') return false;
  if (ParseVersion(line.substr(0, kVersionBytes), head.version) != Reject::kNone) return false;
  const std::string_view status = line.substr(kVersionBytes + 1, 3);
  if (!http::AllAre(status, http::kDigit) || status[0] == '0') return false;
  if (line.size() > kStatusEnd && line[kStatusEnd] != ' ') return false;
  head.status = (status[0] - '0') * 100 + (status[1] - '0') * 10 + (status[2] - '0');
  head.reason = line.size() > kStatusEnd ? line.substr(kStatusEnd + 1) : std::string_view();
  return true;
}

bool ParseResponse(std::string_view text, const HeadLimits& limits, http::ResponseHead& head) {
  if (!ParseStatusLine(TakeLine(text), head) || ParseFields(text, limits, head.headers) != Reject::kNone ||
      ResponseFraming("GET", head).reject != Reject::kNone) {
    return false;
  }
  http::RemoveLengthZeros(head.headers);
  return true;
}

}  // namespace

ParseResult ParseRequestHead(std::string_view bytes, const HeadLimits& limits, http::RequestHead& head,
                             size_t& scanned) {
  const ParseResult result = FindBoundedEnd(bytes, limits, scanned);
  if (result.state != ParseState::kComplete) return result;
  const Reject reject = ParseRequest(bytes.substr(0, result.head_bytes), limits, head);
  return reject == Reject::kNone ? result : Rejected(reject);
}

ParseResult ParseResponseHead(std::string_view bytes, const HeadLimits& limits, http::ResponseHead& head,
                              size_t& scanned) {
  const ParseResult result = FindBoundedEnd(bytes, limits, scanned);
  if (result.state == ParseState::kIncomplete) return result;
  const bool sound = result.state == ParseState::kComplete &&
                     ParseResponse(bytes.substr(0, result.head_bytes), limits, head);
  return sound ? result : Rejected(Reject::kBadBackendResponse);
}

}  // namespace hawser::http1
