#include "tests/integration/harness/http.h"

#include <charconv>

#include <openssl/evp.h>
#include <openssl/sha.h>
#include <strings.h>

#include <fmt/format.h>

namespace hawser::integration {
namespace {

bool SameName(std::string_view a, std::string_view b) {
  return a.size() == b.size() && strncasecmp(a.data(), b.data(), a.size()) == 0;
}

std::string Trimmed(std::string_view text) {
  while (text.starts_with(' ') || text.starts_with('\t')) text.remove_prefix(1);
  while (text.ends_with(' ') || text.ends_with('\t')) text.remove_suffix(1);
  return std::string(text);
}

std::string Word(std::string_view line, int index) {
  for (; index > 0; --index) line.remove_prefix(std::min(line.size(), line.find(' ') + 1));
  return std::string(line.substr(0, line.find(' ')));
}

std::string FieldLines(const Fields& fields) {
  std::string text;
  for (const auto& [name, value] : fields) text += fmt::format("{}: {}\r\n", name, value);
  return text;
}

std::string ReadChunks(Wire& wire) {
  std::string body;
  while (true) {
    const std::string line = wire.ReadThrough("\r\n");
    size_t size = 0;
    std::from_chars(line.data(), line.data() + line.size(), size, 16);
    if (size == 0) break;
    body += wire.Read(size);
    wire.ReadThrough("\r\n");
  }
  wire.ReadThrough("\r\n");
  return body;
}

}  // namespace

int Head::status() const {
  const std::string word = Word(first_line, 1);
  int status = 0;
  std::from_chars(word.data(), word.data() + word.size(), status);
  return first_line.starts_with("HTTP/") ? status : 0;
}

std::string Head::method() const {
  return Word(first_line, 0);
}
std::string Head::target() const {
  return Word(first_line, 1);
}

std::vector<std::string> Head::All(std::string_view name) const {
  std::vector<std::string> values;
  for (const auto& [field, value] : fields) {
    if (SameName(field, name)) values.push_back(value);
  }
  return values;
}

std::string Head::Value(std::string_view name) const {
  const std::vector<std::string> values = All(name);
  EXPECT_LE(values.size(), 1u) << name << " more than once in " << raw;
  return values.empty() ? "" : values.front();
}

Head ParseHead(std::string raw) {
  Head head{.raw = std::move(raw), .first_line = {}, .fields = {}};
  std::string_view rest = head.raw;
  bool first = true;
  while (!rest.empty()) {
    const size_t end = rest.find("\r\n");
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 2);
    if (line.empty()) break;
    const size_t colon = line.find(':');
    if (first)
      head.first_line = line;
    else
      head.fields.emplace_back(line.substr(0, colon), Trimmed(line.substr(std::min(line.size(), colon + 1))));
    first = false;
  }
  return head;
}

Head ReadHead(Wire& wire) {
  return ParseHead(wire.ReadThrough("\r\n\r\n"));
}

std::string ReadBody(Wire& wire, const Head& head) {
  if (SameName(head.Value("Transfer-Encoding"), "chunked")) return ReadChunks(wire);
  if (const std::string length = head.Value("Content-Length"); !length.empty()) {
    size_t count = 0;
    std::from_chars(length.data(), length.data() + length.size(), count);
    return wire.Read(count);
  }
  std::string body;
  wire.ReadEnd(&body);
  return body;
}

std::string Request::Text() const {
  Fields fields;
  const auto add = [&fields](std::string_view name, const std::string& value) {
    if (!value.empty()) fields.emplace_back(name, value);
  };
  add("Host", host);
  add("Connection", connection);
  add("Upgrade", upgrade);
  add("Sec-WebSocket-Key", key);
  add("Sec-WebSocket-Version", ws_version);
  return fmt::format("{} {} {}\r\n{}{}\r\n", method, target, version, FieldLines(fields), FieldLines(more));
}

std::string PlainGet(std::string_view target, const Fields& more) {
  return fmt::format("GET {} HTTP/1.1\r\nHost: hawser.test\r\n{}\r\n", target, FieldLines(more));
}

std::string AdminGet(std::string_view target, const Fields& more) {
  return fmt::format("GET {} HTTP/1.1\r\nHost: localhost\r\n{}\r\n", target, FieldLines(more));
}

std::string AcceptFor(std::string_view key) {
  const std::string text = std::string(key) + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  unsigned char digest[SHA_DIGEST_LENGTH];
  SHA1(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest);
  unsigned char encoded[4 * ((SHA_DIGEST_LENGTH + 2) / 3) + 1];
  const int length = EVP_EncodeBlock(encoded, digest, sizeof digest);
  return std::string(encoded, encoded + length);
}

std::string SwitchingProtocols(const Head& request, const Fields& more) {
  return fmt::format(
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Accept: {}\r\n{}\r\n",
      AcceptFor(request.Value("Sec-WebSocket-Key")), FieldLines(more));
}

std::string Response(std::string_view status_line, std::string_view body, const Fields& more) {
  return fmt::format("HTTP/1.1 {}\r\nContent-Length: {}\r\n{}\r\n{}", status_line, body.size(),
                     FieldLines(more), body);
}

}  // namespace hawser::integration
