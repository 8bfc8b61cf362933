#include "proxy/http/request_id.h"

#include <cstdint>

#include "fmt/format.h"
#include "proxy/http/characters.h"

namespace hawser::http {

std::string GenerateRequestId(std::mt19937_64& random) {
  const uint64_t high = (random() & ~uint64_t{0xf000}) | 0x4000;                 // version 4
  const uint64_t low = (random() & ~(uint64_t{3} << 62)) | (uint64_t{2} << 62);  // variant 10
  return fmt::format("{:08x}-{:04x}-{:04x}-{:04x}-{:012x}", high >> 32, (high >> 16) & 0xffff, high & 0xffff,
                     low >> 48, low & 0xffff'ffff'ffff);
}

bool IsRequestId(std::string_view id) {
  return !id.empty() && id.size() <= 128 && AllAre(id, kVisibleCharacter);
}

}  // namespace hawser::http
