#include "proxy/http1/serializer.h"

#include <algorithm>
#include <array>

#include "fmt/format.h"
#include "proxy/base/check.h"
#include "proxy/http/characters.h"

namespace hawser::http1 {
namespace {

using http::Header;

struct Phrase {
  int status;
  std::string_view text;
};

constexpr auto kPhrases = std::to_array<Phrase>({
    {100, "Continue"},
    {101, "Switching Protocols"},
    {102, "Processing"},
    {103, "Early Hints"},
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {203, "Non-Authoritative Information"},
    {204, "No Content"},
    {205, "Reset Content"},
    {206, "Partial Content"},
    {300, "Multiple Choices"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {402, "Payment Required"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {416, "Range Not Satisfiable"},
    {417, "Expectation Failed"},
    {421, "Misdirected Request"},
    {422, "Unprocessable Content"},
    {425, "Too Early"},
    {426, "Upgrade Required"},
    {428, "Precondition Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {451, "Unavailable For Legal Reasons"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
    {508, "Loop Detected"},
    {511, "Network Authentication Required"},
});

bool AreSound(const http::HeaderList& headers) {
  return std::all_of(headers.begin(), headers.end(), [](const Header& header) {
    return http::IsToken(header.name) && http::IsFieldText(header.value);
  });
}

constexpr size_t kAroundField = 4;  // ": " and CRLF

size_t SizeOf(const http::HeaderList& headers) {
  size_t size = 0;
  for (const Header& header : headers) size += header.name.size() + header.value.size() + kAroundField;
  return size;
}

void AppendField(std::string_view name, std::string_view value, std::string& out) {
  const size_t begin = out.size();
  out.resize(begin + name.size() + value.size() + kAroundField);
  auto at = std::copy(name.begin(), name.end(), out.begin() + static_cast<std::ptrdiff_t>(begin));
  *at++ = ':';
  *at++ = ' ';
  at = std::copy(value.begin(), value.end(), at);
  *at++ = '\r';
  *at = '\n';
}

bool IsCookie(const Header& header) {
  return http::EqualsIgnoreCase(header.name, "Cookie");
}

void AppendCookies(const http::HeaderList& headers, std::string& out) {
  std::string_view separator = "Cookie: ";
  for (const Header& header : headers) {
    if (!IsCookie(header)) continue;
    out.append(separator).append(header.value);
    separator = "; ";
  }
  if (separator == "; ") out += "\r\n";
}

void AppendFields(const http::HeaderList& headers, std::string& out) {
  for (const Header& header : headers) AppendField(header.name, header.value, out);
}

bool IsTextOf(std::string_view text, http::CharacterClass wanted) {
  return !text.empty() && http::AllAre(text, wanted);
}

}  // namespace

bool AppendRequestHead(const http::RequestHead& head, const http::HeaderList& own, std::string& out) {
  const auto& headers = head.headers;
  if (!http::IsToken(head.method) || !IsTextOf(head.target, http::kTargetCharacter) ||
      !http::AllAre(head.authority, http::kVisibleCharacter) || !AreSound(headers) || !AreSound(own)) {
    return false;
  }
  constexpr size_t kRest = sizeof "  HTTP/1.1\r\nHost: \r\n\r\n";
  out.reserve(out.size() + head.method.size() + head.target.size() + head.authority.size() + SizeOf(headers) +
              SizeOf(own) + kRest);
  out.append(head.method).append(" ").append(head.target).append(" HTTP/1.1\r\n");
  AppendField("Host", head.authority, out);
  for (const Header& header : headers) {
    if (IsCookie(header) || http::EqualsIgnoreCase(header.name, "Host") ||
        http::EqualsIgnoreCase(header.name, "TE"))
      continue;
    AppendField(header.name, header.value, out);
  }
  AppendCookies(headers, out);
  AppendFields(own, out);
  out += "\r\n";
  return true;
}

bool AppendResponseHead(const http::ResponseHead& head, const http::HeaderList& own, std::string& out) {
  if (head.status < 100 || head.status > 999 || !http::IsFieldText(head.reason) || !AreSound(head.headers) ||
      !AreSound(own)) {
    return false;
  }
  const std::string_view reason = head.reason.empty() ? ReasonPhrase(head.status) : head.reason;
  const fmt::format_int status(head.status);
  constexpr size_t kRest = sizeof "HTTP/1.1 200 \r\n\r\n";
  out.reserve(out.size() + reason.size() + SizeOf(head.headers) + SizeOf(own) + kRest);
  out.append("HTTP/1.1 ").append(status.data(), status.size()).append(" ").append(reason).append("\r\n");
  AppendFields(head.headers, out);
  AppendFields(own, out);
  out += "\r\n";
  return true;
}

std::string LastResponse(const http::LocalResponse& response, std::string_view request_method) {
  const http::ResponseHead head = http::HeadOf(response, request_method);
  http::HeaderList own;
  if (head.status == 426) AddUpgradeOffer(own);
  own.Add("Connection", "close");
  std::string out;
  const bool sound = AppendResponseHead(head, own, out);
  HAWSER_DCHECK(sound);
  if (sound && head.body) out += response.body;
  return out;
}

void AddUpgradeOffer(http::HeaderList& headers) {
  headers.Add("Upgrade", "websocket");
  headers.Add("Connection", "Upgrade");
}

std::string_view ReasonPhrase(int status) {
  const auto phrase = std::find_if(kPhrases.begin(), kPhrases.end(),
                                   [status](const Phrase& p) { return p.status == status; });
  return phrase == kPhrases.end() ? std::string_view() : phrase->text;
}

}  // namespace hawser::http1
