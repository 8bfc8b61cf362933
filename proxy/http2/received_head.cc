#include "proxy/http2/received_head.h"

#include "proxy/http/characters.h"
#include "proxy/http/trailers.h"

namespace hawser::http2 {
namespace {

using http::Reject;

constexpr uint32_t kFieldOverhead = 32;  // RFC 9113 §6.5.2
// A request whose head is too large gets an answer as long as decoding costs little. Above this many times
// the limit, the connection ends.
constexpr uint32_t kBomb = 4;

// "https://example.com/a" goes as "/a"; "*" is OPTIONS's alone (RFC 9113 §8.3.1).
bool IsTarget(const http::RequestHead& head) {
  if (head.target == "*") return head.method == "OPTIONS";
  return head.target.starts_with('/') && http::AllAre(head.target, http::kTargetCharacter);
}

Reject Check(const http::RequestHead& head, std::string_view host) {
  if (head.method == "CONNECT" && head.protocol.empty()) return Reject::kMethodNotAllowed;
  // PRI belongs to the preface and is no method (RFC 9113 §11.6).
  if (!http::IsToken(head.method) || head.method == "PRI" || !IsTarget(head))
    return Reject::kMalformedRequest;
  // With a Host that differs from :authority, the next proxy could route differently.
  if (!host.empty() && !http::EqualsIgnoreCase(host, head.authority)) return Reject::kBadHost;
  return http::IsValidAuthority(head.authority) ? Reject::kNone : Reject::kBadHost;
}

}  // namespace

bool ReceivedHead::Add(std::string_view name, std::string_view value) {
  bytes_ += name.size() + value.size() + kFieldOverhead;
  ++count_;
  if (bytes_ > uint64_t{kBomb} * limits_.bytes || count_ > uint64_t{kBomb} * limits_.fields) return false;
  if (over_ == Reject::kNone && bytes_ > limits_.bytes)
    over_ = name == ":path" ? Reject::kUriTooLong : Reject::kHeadTooLarge;
  if (over_ == Reject::kNone && count_ > limits_.fields) over_ = Reject::kTooManyHeaders;
  if (over_limit()) return true;
  text_.append(name);
  const auto name_end = static_cast<uint32_t>(text_.size());
  text_.append(value);
  fields_.push_back({.name = name_end, .value = static_cast<uint32_t>(text_.size())});
  return true;
}

template <typename Visit>
void ReceivedHead::ForEach(Visit visit) const {
  const std::string_view text = text_;
  size_t begin = 0;
  for (const Field& field : fields_) {
    visit(text.substr(begin, field.name - begin), text.substr(field.name, field.value - field.name));
    begin = field.value;
  }
}

http::Reject ReceivedHead::ReadRequest(http::RequestHead& head) const {
  head.version = http::Version::kHttp2;
  head.headers.Reserve(fields_.size());
  std::string_view host;
  ForEach([&](std::string_view name, std::string_view value) {
    if (name == ":method") {
      head.method = value;
    } else if (name == ":path") {
      head.target = value;
    } else if (name == ":scheme") {
      head.scheme = value;
    } else if (name == ":authority") {
      head.authority = value;
    } else if (name == ":protocol") {
      head.protocol = value;
    } else if (name == "host") {
      host = value;
    } else {
      head.headers.Add(name, value);
    }
  });
  if (head.authority.empty()) head.authority = host;
  head.body = !ends_message_;
  http::RemoveLengthZeros(head.headers);
  return over_ != Reject::kNone ? over_ : Check(head, host);
}

bool ReceivedHead::ReadResponse(http::ResponseHead& head) const {
  head.version = http::Version::kHttp2;
  head.status = status();
  head.body = !ends_message_;
  head.headers.Reserve(fields_.size());
  ForEach([&](std::string_view name, std::string_view value) {
    if (!name.starts_with(':')) head.headers.Add(name, value);
  });
  http::RemoveLengthZeros(head.headers);
  return !over_limit() && head.status >= 100;
}

bool ReceivedHead::ReadTrailers(http::HeaderList& trailers) const {
  ForEach([&](std::string_view name, std::string_view value) {
    if (http::MayBeTrailer(name)) trailers.Add(name, value);
  });
  return !over_limit();
}

int ReceivedHead::status() const {
  int status = 0;
  ForEach([&](std::string_view name, std::string_view value) {
    if (name != ":status") return;
    for (const char digit : value) status = status * 10 + (digit - '0');
  });
  return status;
}

}  // namespace hawser::http2
