// Arbitrary bytes as a configuration file: LoadText must end with either a configuration or at least one
// error, and what it accepts must print. No file is opened.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include <nlohmann/json.hpp>

#include "config/dump.h"
#include "config/load.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto loaded = hawser::config::LoadText(text, "fuzz.yaml", {.check_files = false});
  if (loaded.ok() != loaded.errors.empty()) std::abort();
  for (const auto& error : loaded.errors) {
    if (hawser::config::Render(error).empty()) std::abort();
  }
  if (loaded.ok() && hawser::config::Dump(*loaded.config).dump().empty()) std::abort();
  return 0;
}
