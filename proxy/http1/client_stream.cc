#include "proxy/http1/client_stream.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "proxy/base/check.h"
#include "proxy/http/hop_by_hop.h"
#include "proxy/http1/head_parser.h"
#include "proxy/http1/serializer.h"

namespace hawser::http1 {
namespace {

constexpr HeadLimits kResponseLimits{.head_bytes = 64 * 1024, .headers = 256};
constexpr BodyLimits kResponseBodyLimits{.padded_sizes = true};

// A 204 has no body. If its fields speak of one, it may follow all the same, and must not be taken for the
// next response.
bool MayBeFollowed(const http::ResponseHead& head) {
  return head.status == 204 &&
         (head.headers.Count("Transfer-Encoding") > 0 || head.headers.Count("Content-Length") > 1 ||
          head.headers.Find("Content-Length").value_or("0") != "0");
}

// Methods whose requests have a body: an empty one has Content-Length: 0 (RFC 9110 §8.6).
bool SaysItsLength(std::string_view method) {
  return method == "POST" || method == "PUT" || method == "PATCH";
}

// The time that a request may take to a backend that ends the connection after its keep-alive time.
constexpr base::Duration kKeepAliveMargin{1'000};

// The least `timeout` of the Keep-Alive fields (RFC 2068 §19.7.1.1), seconds; one that is no number says
// nothing.
std::optional<base::Duration> KeepAliveTime(const http::HeaderList& headers) {
  std::optional<base::Duration> least;
  for (const http::Header& header : headers) {
    if (!http::EqualsIgnoreCase(header.name, "Keep-Alive")) continue;
    std::string_view list = header.value;
    for (auto parameter = http::TakeElement(list); !parameter.empty(); parameter = http::TakeElement(list)) {
      constexpr std::string_view kTimeout = "timeout=";
      uint32_t seconds = 0;
      if (!http::EqualsIgnoreCase(parameter.substr(0, kTimeout.size()), kTimeout)) continue;
      const std::string_view digits = parameter.substr(kTimeout.size());
      const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), seconds);
      if (error != std::errc() || end != digits.data() + digits.size()) continue;
      const base::Duration time = std::chrono::seconds(seconds);
      least = std::min(least.value_or(time), time);
    }
  }
  return least;
}

}  // namespace

ClientStream::ClientStream(event::Loop& loop, std::unique_ptr<net::ByteStream> transport)
    : loop_(loop), transport_(std::move(transport)) {}

bool ClientStream::SendRequest(const http::RequestHead& head, const http::UpgradeRequest* upgrade) {
  HAWSER_DCHECK(transport_ != nullptr && method_.empty());  // one request a stream
  method_ = head.method;
  upgrade_ = upgrade;
  const auto sized = [&head] { return head.headers.Count("Content-Length") > 0; };
  const bool chunked = head.body && !sized();
  http::HeaderList own;
  if (upgrade != nullptr) {
    key_ = upgrade->key.empty() ? http::NewKey() : std::string(upgrade->key);
    own.Reserve(3);
    own.Add("Sec-WebSocket-Key", key_);
    http::AddUpgradeFields(own);
  } else if (chunked) {
    own.Add("Transfer-Encoding", "chunked");
  } else if (!head.body && SaysItsLength(head.method) && !sized()) {
    own.Add("Content-Length", "0");
  }
  std::string text;
  if (!AppendRequestHead(head, own, text)) return false;
  writer_.Queue(std::move(text));
  writer_.Begin(chunked ? BodyWriter::Framing::kChunked : BodyWriter::Framing::kBare);
  if (!head.body) writer_.End({});
  return true;
}

http::ClientStream::HeadState ClientStream::ReadResponse(http::ResponseHead& head) {
  while (true) {
    head = {};
    const ParseResult parsed = ParseResponseHead(held_, kResponseLimits, head, scanned_);
    if (parsed.state == ParseState::kRejected) return HeadState::kMalformed;
    if (parsed.state == ParseState::kComplete) {
      // The views follow the bytes: no head is short enough to lie inside the string itself.
      std::string behind = held_.substr(parsed.head_bytes);
      HAWSER_DCHECK(held_.capacity() > std::string().capacity());
      head_bytes_ = std::exchange(held_, std::move(behind));
      scanned_ = 0;
      return Judge(head);
    }
    const auto scratch = loop_.scratch();
    const net::IoResult got = transport_->Read(scratch.first(scratch.size() / 4));
    answered_ = answered_ || got.bytes > 0;
    held_.append(reinterpret_cast<const char*>(scratch.data()), got.bytes);
    if (got.state == net::IoState::kEnd || got.state == net::IoState::kError) return HeadState::kEnded;
    if (got.bytes == 0) return HeadState::kBlocked;
  }
}

http::ClientStream::HeadState ClientStream::Judge(http::ResponseHead& head) {
  if (head.status == 101) {
    if (upgrade_ == nullptr || http::CheckResponse(head, *upgrade_, key_) != http::UpgradeAnswer::kTunnel)
      return HeadState::kBadUpgrade;
    http::RemoveHopByHop(head);
    head.headers.Remove("Sec-WebSocket-Accept");
    head.reason = {};
    return HeadState::kTunnel;
  }
  const auto [framing, reject] = ResponseFraming(method_, head);
  if (reject != http::Reject::kNone) return HeadState::kMalformed;
  const bool closes = head.version != http::Version::kHttp11 ||
                      head.headers.HasToken("Connection", "close") || MayBeFollowed(head);
  keep_alive_time_ = KeepAliveTime(head.headers);
  http::RemoveHopByHop(head);
  if (head.status < 200) return HeadState::kInterim;
  keep_alive_ = !closes && framing.kind != Framing::Kind::kUntilClose;
  head.body = framing.kind != Framing::Kind::kNone;
  reader_.Begin(framing, kResponseBodyLimits);
  NoteEnd();
  return HeadState::kFinal;
}

void ClientStream::Watch(event::IoHandler* handler, uint8_t tag) {
  handler_ = handler;
  tag_ = tag;
  transport_->Watch(handler, tag);
}

void ClientStream::Want(event::Interest interest) {
  HAWSER_DCHECK(handler_ != nullptr || interest == event::Interest{});
  transport_->Want(interest);
  if (interest.read && reader_.pending(held_)) {
    loop_.Soon(*handler_, {.readable = true, .tag = tag_});
  }
}

std::unique_ptr<net::ByteStream> ClientStream::TakeTunnel(std::string& early) {
  early = std::move(held_);
  return std::move(transport_);
}

http::ClientStream::Idle ClientStream::TakeIdle() {
  const bool clean = keep_alive_ && reader_.done() && held_.empty() && writer_.ended() && writer_.empty();
  if (!clean) return {};
  if (!keep_alive_time_) return {.transport = std::move(transport_)};
  const base::TimePoint until = ended_at_.value_or(loop_.now()) + *keep_alive_time_ - kKeepAliveMargin;
  if (until <= loop_.now()) return {};
  return {.transport = std::move(transport_), .at_most = base::Between(loop_.now(), until)};
}

}  // namespace hawser::http1
