#include "proxy/tls/client_hello.h"

#include <algorithm>
#include <array>

namespace hawser::tls {
namespace {

constexpr size_t kRecordHeader = 5;
constexpr size_t kMessageHeader = 4;  // type and length, in front of the message
constexpr std::byte kHandshake{22};   // the content type

size_t Number(std::span<const std::byte> bytes) {
  size_t number = 0;
  for (const std::byte byte : bytes) number = (number << 8) | std::to_integer<size_t>(byte);
  return number;
}

}  // namespace

// A hello may be cut into several records, of any size.
size_t HelloBytes(std::span<const std::byte> begin) {
  std::array<std::byte, kMessageHeader> header;
  size_t message = 0;  // its bytes in the records before `at`
  for (size_t at = 0;;) {
    if (at + kRecordHeader > kLongestHello) return 0;
    if (begin.size() < at + kRecordHeader) return at + kRecordHeader;
    if (begin[at] != kHandshake) return 0;
    const size_t length = Number(begin.subspan(at + 3, 2));
    const size_t end = at + kRecordHeader + length;
    if (end > kLongestHello) return 0;
    if (begin.size() < end) return end;
    for (size_t i = 0; i < length && message + i < kMessageHeader; ++i) {
      header[message + i] = begin[at + kRecordHeader + i];
    }
    message += length;
    at = end;
    if (message < kMessageHeader) continue;
    const size_t whole = kMessageHeader + Number(std::span(header).subspan(1));
    if (whole > kLongestHello) return 0;
    if (message >= whole) return at;
  }
}

}  // namespace hawser::tls
