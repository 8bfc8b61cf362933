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

// Writes a head behind a text, in room that is made once for all of it.
class HeadWriter {
 public:
  // `most`: at least as many bytes as are put.
  HeadWriter(std::string& out, size_t most) : out_(out) {
    const size_t begin = out.size();
    out.resize(begin + most);
    at_ = out.data() + begin;
  }
  ~HeadWriter() {
    HAWSER_DCHECK(at_ <= out_.data() + out_.size());
    out_.resize(static_cast<size_t>(at_ - out_.data()));
  }
  HeadWriter(const HeadWriter&) = delete;
  HeadWriter& operator=(const HeadWriter&) = delete;

  HeadWriter& Put(std::string_view text) {
    at_ = std::copy(text.begin(), text.end(), at_);
    return *this;
  }
  void PutField(std::string_view name, std::string_view value) {
    Put(name);
    *at_++ = ':';
    *at_++ = ' ';
    Put(value);
    *at_++ = '\r';
    *at_++ = '\n';
  }
  void PutFields(const http::HeaderList& headers) {
    for (const Header& header : headers) PutField(header.name, header.value);
  }

 private:
  std::string& out_;
  char* at_;
};

bool IsCookie(const Header& header) {
  return http::EqualsIgnoreCase(header.name, "Cookie");
}

void PutCookies(const http::HeaderList& headers, HeadWriter& out) {
  std::string_view separator = "Cookie: ";
  for (const Header& header : headers) {
    if (!IsCookie(header)) continue;
    out.Put(separator).Put(header.value);
    separator = "; ";
  }
  if (separator == "; ") out.Put("\r\n");
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
  HeadWriter writer(out, head.method.size() + head.target.size() + head.authority.size() + SizeOf(headers) +
                             SizeOf(own) + kRest);
  writer.Put(head.method).Put(" ").Put(head.target).Put(" HTTP/1.1\r\n");
  writer.PutField("Host", head.authority);
  for (const Header& header : headers) {
    if (IsCookie(header) || http::EqualsIgnoreCase(header.name, "Host") ||
        http::EqualsIgnoreCase(header.name, "TE"))
      continue;
    writer.PutField(header.name, header.value);
  }
  PutCookies(headers, writer);
  writer.PutFields(own);
  writer.Put("\r\n");
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
  HeadWriter writer(out, reason.size() + SizeOf(head.headers) + SizeOf(own) + kRest);
  writer.Put("HTTP/1.1 ").Put({status.data(), status.size()}).Put(" ").Put(reason).Put("\r\n");
  writer.PutFields(head.headers);
  writer.PutFields(own);
  writer.Put("\r\n");
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
