#include "bench/load/handshake.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cstring>

#include <openssl/evp.h>
#include <openssl/sha.h>

#include "fmt/format.h"

namespace hawser::bench {
namespace {

std::string Base64(const unsigned char* bytes, size_t count) {
  std::string text(4 * ((count + 2) / 3) + 1, '\0');
  const int length =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()), bytes, static_cast<int>(count));
  text.resize(static_cast<size_t>(length));
  return text;
}

bool SameName(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

// The value of the first header called `name`, trimmed; empty when there is none.
std::string_view Header(std::string_view head, std::string_view name) {
  for (size_t at = head.find("\r\n"); at != std::string_view::npos; at = head.find("\r\n", at + 2)) {
    const std::string_view line = head.substr(at + 2, head.find("\r\n", at + 2) - at - 2);
    const size_t colon = line.find(':');
    if (colon == std::string_view::npos || !SameName(line.substr(0, colon), name)) continue;
    const size_t begin = line.find_first_not_of(" \t", colon + 1);
    if (begin == std::string_view::npos) return {};
    return line.substr(begin, line.find_last_not_of(" \t") - begin + 1);
  }
  return {};
}

}  // namespace

std::string AcceptFor(std::string_view key) {
  const std::string text = fmt::format("{}258EAFA5-E914-47DA-95CA-C5AB0DC85B11", key);
  std::array<unsigned char, SHA_DIGEST_LENGTH> digest;
  SHA1(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data());
  return Base64(digest.data(), digest.size());
}

std::string KeyFor(uint64_t number) {
  const std::array<uint64_t, 2> words = {number * 0x9e3779b97f4a7c15, ~number};
  std::array<unsigned char, 16> bytes;
  std::memcpy(bytes.data(), words.data(), bytes.size());
  return Base64(bytes.data(), bytes.size());
}

std::string UpgradeRequest(std::string_view host, std::string_view path, std::string_view key,
                           const std::vector<std::string>& headers) {
  std::string request = fmt::format(
      "GET {} HTTP/1.1\r\nHost: {}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: {}\r\n"
      "Sec-WebSocket-Version: 13\r\n",
      path, host, key);
  for (const std::string& header : headers) request += header + "\r\n";
  return request + "\r\n";
}

std::string WrongAnswer(std::string_view head, std::string_view key) {
  if (!head.starts_with("HTTP/1.1 101")) return fmt::format("refused: {}", head.substr(0, head.find('\r')));
  if (!SameName(Header(head, "upgrade"), "websocket")) return "the 101 has no Upgrade: websocket";
  if (!SameName(Header(head, "connection"), "upgrade")) return "the 101 has no Connection: Upgrade";
  if (Header(head, "sec-websocket-accept") != AcceptFor(key))
    return "the 101 has a wrong Sec-WebSocket-Accept";
  return {};
}

size_t BodyLength(std::string_view head) {
  const std::string_view text = Header(head, "content-length");
  size_t length = 0;
  std::from_chars(text.data(), text.data() + text.size(), length);
  return length;
}

std::string AnswerTo(std::string_view head) {
  const std::string_view key = Header(head, "sec-websocket-key");
  const bool posts = head.starts_with("POST ") && !Header(head, "content-length").empty();
  if (posts || (head.starts_with("GET ") && key.empty())) {
    return fmt::format("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 125\r\n\r\n{:x<125}",
                       "");
  }
  if (!head.starts_with("GET ")) {
    return "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
  }
  std::string answer = fmt::format(
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: "
      "Upgrade\r\nSec-WebSocket-Accept: {}\r\n",
      AcceptFor(key));
  const std::string_view offered = Header(head, "sec-websocket-protocol");
  if (!offered.empty())
    answer += fmt::format("Sec-WebSocket-Protocol: {}\r\n", offered.substr(0, offered.find(',')));
  return answer + "\r\n";
}

}  // namespace hawser::bench
