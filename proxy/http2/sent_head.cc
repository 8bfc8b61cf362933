#include "proxy/http2/sent_head.h"

#include <algorithm>
#include <array>

#include "proxy/base/check.h"
#include "proxy/http/characters.h"
#include "proxy/http/trailers.h"

namespace hawser::http2 {
namespace {

// RFC 9113 §8.2.2, and the two that only HTTP/1.1's WebSocket handshake has. Host goes as :authority.
constexpr auto kNeverSent = std::to_array<std::string_view>(
    {"connection", "host", "http2-settings", "keep-alive", "proxy-connection", "sec-websocket-accept",
     "sec-websocket-key", "transfer-encoding", "upgrade"});

// TE is allowed with one value.
bool IsSent(std::string_view name, std::string_view value) {
  if (name == "te") return http::EqualsIgnoreCase(value, "trailers");
  return std::find(kNeverSent.begin(), kNeverSent.end(), name) == kNeverSent.end();
}

// nghttp2 takes uint8_t* and never writes.
uint8_t* Bytes(std::string_view text) {
  return reinterpret_cast<uint8_t*>(const_cast<char*>(text.data()));
}

nghttp2_nv Pair(std::string_view name, std::string_view value) {
  return {.name = Bytes(name),
          .value = Bytes(value),
          .namelen = name.size(),
          .valuelen = value.size(),
          .flags = NGHTTP2_NV_FLAG_NONE};
}

}  // namespace

bool SentHead::SetRequest(const http::RequestHead& head, bool websocket, std::string_view scheme) {
  if (!http::IsToken(head.method) || head.target.empty() ||
      !http::AllAre(head.target, http::kTargetCharacter) || head.authority.empty() ||
      !http::AllAre(head.authority, http::kVisibleCharacter)) {
    return false;
  }
  Reserve(head.headers);
  AddPseudo(":method", websocket ? "CONNECT" : head.method);
  if (websocket) AddPseudo(":protocol", "websocket");
  AddPseudo(":scheme", head.scheme.empty() ? scheme : head.scheme);
  AddPseudo(":authority", head.authority);
  AddPseudo(":path", head.target);
  return AddAll(head.headers);
}

bool SentHead::SetResponse(int status, const http::HeaderList& headers) {
  if (status < 100 || status > 999 || status == 101) return false;
  status_ = std::to_string(status);
  Reserve(headers);
  AddPseudo(":status", status_);
  return AddAll(headers);
}

bool SentHead::SetTrailers(const http::HeaderList& trailers) {
  if (trailers.empty()) return true;
  http::HeaderList allowed = trailers;
  allowed.RemoveIf([](const http::Header& field) { return !http::MayBeTrailer(field.name); });
  Reserve(allowed);
  return AddAll(allowed);
}

void SentHead::Reserve(const http::HeaderList& headers) {
  HAWSER_DCHECK(names_.empty() && fields_.empty());
  size_t bytes = 0;
  for (const http::Header& field : headers) bytes += field.name.size();
  names_.reserve(bytes);
  fields_.reserve(headers.size() + 5);
}

void SentHead::AddPseudo(std::string_view name, std::string_view value) {
  fields_.push_back(Pair(name, value));
}

bool SentHead::AddAll(const http::HeaderList& headers) {
  for (const http::Header& field : headers) {
    if (!http::IsToken(field.name) || !http::IsFieldText(field.value)) return false;
    const size_t begin = names_.size();
    HAWSER_DCHECK(names_.capacity() - begin >= field.name.size());  // views into it must stay valid
    for (const char c : field.name) names_ += http::LowerCase(c);
    const std::string_view name = std::string_view(names_).substr(begin);
    const std::string_view value = http::TrimWhitespace(field.value);
    if (IsSent(name, value)) fields_.push_back(Pair(name, value));
  }
  return true;
}

}  // namespace hawser::http2
