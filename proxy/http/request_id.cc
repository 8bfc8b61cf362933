#include "proxy/http/request_id.h"

#include <cstdint>

#include "proxy/http/characters.h"

namespace hawser::http {

std::string GenerateRequestId(std::mt19937_64& random) {
  const uint64_t high = (random() & ~uint64_t{0xf000}) | 0x4000;                 // version 4
  const uint64_t low = (random() & ~(uint64_t{3} << 62)) | (uint64_t{2} << 62);  // variant 10
  std::string id(36, '-');
  auto at = id.begin();
  for (int digit = 0; digit < 32; ++digit) {
    if (digit == 8 || digit == 12 || digit == 16 || digit == 20) ++at;
    const uint64_t half = digit < 16 ? high : low;
    *at++ = "0123456789abcdef"[half >> (60 - digit % 16 * 4) & 15];
  }
  return id;
}

bool IsRequestId(std::string_view id) {
  return !id.empty() && id.size() <= 128 && AllAre(id, kVisibleCharacter);
}

}  // namespace hawser::http
