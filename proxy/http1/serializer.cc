#include "proxy/http1/serializer.h"

#include <algorithm>
#include <array>
#include <vector>

#include "fmt/format.h"
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
    {103, "Early Hints"},
    {200, "OK"},
    {204, "No Content"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {304, "Not Modified"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {408, "Request Timeout"},
    {413, "Content Too Large"},
    {426, "Upgrade Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
});

// Long enough to let a burst pass, short enough that a client which waits is not lost.
constexpr std::string_view kRetryAfterSeconds = "2";

bool IsSound(const Header& header) {
  return http::IsToken(header.name) && http::AllAre(header.value, http::kFieldCharacter);
}

void AppendField(std::string_view name, std::string_view value, std::string& out) {
  out.append(name).append(": ").append(value).append("\r\n");
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

bool IsTextOf(std::string_view text, http::CharacterClass wanted) {
  return !text.empty() && http::AllAre(text, wanted);
}

std::vector<Header> RefusalFields(int status) {
  switch (status) {
    case 405: return {{"Allow", "GET"}};
    case 426: return {{"Upgrade", "websocket"}, {"Connection", "Upgrade"}, {"Sec-WebSocket-Version", "13"}};
    case 429:
    case 503: return {{"Retry-After", kRetryAfterSeconds}};
    default: return {};
  }
}

}  // namespace

bool AppendRequestHead(const http::RequestHead& head, std::string& out) {
  const auto& headers = head.headers;
  if (!http::IsToken(head.method) || !IsTextOf(head.target, http::kTargetCharacter) ||
      !http::AllAre(head.authority, http::kVisibleCharacter) ||
      !std::all_of(headers.begin(), headers.end(), IsSound)) {
    return false;
  }
  out.append(head.method).append(" ").append(head.target).append(" HTTP/1.1\r\n");
  AppendField("Host", head.authority, out);
  for (const Header& header : headers) {
    if (IsCookie(header) || http::EqualsIgnoreCase(header.name, "Host")) continue;
    AppendField(header.name, header.value, out);
  }
  AppendCookies(headers, out);
  out += "\r\n";
  return true;
}

bool AppendResponseHead(const http::ResponseHead& head, std::string& out) {
  if (head.status < 100 || head.status > 999 || !http::AllAre(head.reason, http::kFieldCharacter) ||
      !std::all_of(head.headers.begin(), head.headers.end(), IsSound)) {
    return false;
  }
  const std::string_view reason = head.reason.empty() ? ReasonPhrase(head.status) : head.reason;
  out.append(fmt::format("HTTP/1.1 {} ", head.status)).append(reason).append("\r\n");
  for (const Header& header : head.headers) AppendField(header.name, header.value, out);
  out += "\r\n";
  return true;
}

std::string SimpleResponse(int status, std::span<const Header> headers, std::string_view text,
                           AfterResponse after, BodyOf body) {
  std::string out = fmt::format("HTTP/1.1 {} {}\r\n", status, ReasonPhrase(status));
  AppendField("Date", HttpDate(std::time(nullptr)), out);
  const auto names_type = [](const Header& header) {
    return http::EqualsIgnoreCase(header.name, "Content-Type");
  };
  if (std::none_of(headers.begin(), headers.end(), names_type))
    AppendField("Content-Type", "text/plain", out);
  AppendField("Content-Length", std::to_string(text.size()), out);
  if (after == AfterResponse::kClose) AppendField("Connection", "close", out);
  for (const Header& header : headers) {
    if (IsSound(header)) AppendField(header.name, header.value, out);
  }
  out += "\r\n";
  if (body == BodyOf::kGet) out += text;
  return out;
}

std::string RefusalResponse(http::Reject reject, BodyOf body) {
  const http::RejectSpec& spec = http::SpecOf(reject);
  if (spec.status == 0) return {};
  const std::string text = std::string(spec.text) + "\n";
  return SimpleResponse(spec.status, RefusalFields(spec.status), text, AfterResponse::kClose, body);
}

std::string_view ReasonPhrase(int status) {
  const auto phrase = std::find_if(kPhrases.begin(), kPhrases.end(),
                                   [status](const Phrase& p) { return p.status == status; });
  return phrase == kPhrases.end() ? std::string_view() : phrase->text;
}

std::string HttpDate(std::time_t time) {
  constexpr std::array kDays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr std::array kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                  "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  std::tm utc{};
  gmtime_r(&time, &utc);
  return fmt::format("{}, {:02} {} {} {:02}:{:02}:{:02} GMT", kDays[static_cast<size_t>(utc.tm_wday)],
                     utc.tm_mday, kMonths[static_cast<size_t>(utc.tm_mon)], utc.tm_year + 1900, utc.tm_hour,
                     utc.tm_min, utc.tm_sec);
}

}  // namespace hawser::http1
