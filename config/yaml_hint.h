// Advice for text that YAML reads differently than its writer meant: values that need quotes, tabs, missing
// spaces and quotes.
#pragma once

#include <string>
#include <string_view>

#include "config/diagnostic.h"

namespace hawser::config {

// For a fault that the parser reports at `mark` of `file`: the end of its sentence, `put "*.example.com" in
// quotes: ...`, or `line 3 has no space behind its colon`. Empty if neither that line nor what stands above
// explains it. `message` is yaml-cpp's.
std::string YamlHint(std::string_view file, Mark mark, std::string_view message);

// What yaml-cpp says is wrong, in plain words.
std::string PlainWords(std::string_view message);

}  // namespace hawser::config
