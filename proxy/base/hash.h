// Hashes. SipHash-2-4 (Aumasson, Bernstein 2012) wherever a peer picks the key, so that it cannot pick
// collisions; Mix64 (the splitmix64 finalizer) to spread integers that are already trusted.
#pragma once

#include <cstdint>
#include <string_view>

namespace hawser::base {

struct SipKey {
  uint64_t k0 = 0;
  uint64_t k1 = 0;

  // From the kernel's random source. Ends the process if there is none.
  static SipKey Random();
};

uint64_t SipHash(const SipKey& key, std::string_view bytes);

constexpr uint64_t Mix64(uint64_t x) {
  x += 0x9e3779b97f4a7c15;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

}  // namespace hawser::base
