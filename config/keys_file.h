// Files beside the configuration: reading one whole, and the file of an affinity cookie's keys.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "config/schema.h"

namespace hawser::config {

inline constexpr size_t kShortestKey = 32;  // bytes

// The whole file. The message of an error is "cannot be read: No such file or directory" or "is larger than
// 1MiB", which is `most` bytes.
absl::StatusOr<std::string> ReadFile(const std::string& path, size_t most);
// Stdin to its end, likewise.
absl::StatusOr<std::string> ReadStdin(size_t most);

// The text behind a UTF-8 byte order mark, which some editors put in front of a file.
std::string_view WithoutByteOrderMark(std::string_view text);

// One key in each line; a byte order mark, spaces around a key, empty lines and lines that begin with # are
// skipped. Fails if there is no key, or one is shorter than kShortestKey; messages never hold a key.
absl::StatusOr<std::vector<Secret>> ReadKeys(const std::string& path);

}  // namespace hawser::config
