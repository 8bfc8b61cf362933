#include "proxy/tls/client_hello.h"

namespace hawser::tls {
namespace {

constexpr size_t kHeaderBytes = 5;
constexpr std::byte kHandshake{22};  // the content type

}  // namespace

size_t FirstRecordBytes(std::span<const std::byte> begin) {
  if (!begin.empty() && begin[0] != kHandshake) return 0;
  if (begin.size() < kHeaderBytes) return kHeaderBytes;
  const auto length = (std::to_integer<size_t>(begin[3]) << 8) | std::to_integer<size_t>(begin[4]);
  return kHeaderBytes + length > kLongestRecord ? 0 : kHeaderBytes + length;
}

}  // namespace hawser::tls
