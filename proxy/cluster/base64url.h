// Base64url without padding (RFC 4648 §5), for whole groups only: 3n bytes are 4n characters, so that
// different texts always decode to different bytes.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace hawser::cluster {

// bytes.size() must be a multiple of 3.
std::string EncodeBase64Url(std::span<const uint8_t> bytes);

// Fills all of `bytes`, whose size is a multiple of 3. False unless `text` is exactly as long as that takes
// and holds characters of the alphabet only.
[[nodiscard]] bool DecodeBase64Url(std::string_view text, std::span<uint8_t> bytes);

}  // namespace hawser::cluster
