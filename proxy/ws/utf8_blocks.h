// The part of UTF-8 validation that takes 32 bytes at a time: Keiser and Lemire, "Validating UTF-8 In Less
// Than One Instruction Per Byte" (2020). Every error shows in two neighbouring bytes, looked up by three
// nibbles of them, or in a lead byte two or three places before. Needs SSSE3 or NEON; without them
// PassUtf8Blocks passes nothing and the automaton does it all. `key` is always the mask as it stands at the
// first byte, that byte's part lowest.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace hawser::ws {

// The length of a prefix of `masked` that is ASCII, all of it or a multiple of 16 bytes; less than all that
// is, perhaps.
size_t PassAscii(std::span<const std::byte> masked, uint32_t key);

// The length of a prefix of `masked`, which begins between two characters, that is valid and ends between
// two: all of it but for less than 32 bytes and a character, unless an error comes before.
size_t PassUtf8Blocks(std::span<const std::byte> masked, uint32_t key);

}  // namespace hawser::ws
