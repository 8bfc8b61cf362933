// Advice for text that YAML reads differently than its writer meant: values that need quotes, tabs.
#pragma once

#include <string>
#include <string_view>

#include "config/diagnostic.h"

namespace hawser::config {

// For a fault that the parser reports at `mark` of `file`: the end of its sentence, `put "*.example.com" in
// quotes: ...`. Empty if nothing in that line explains it.
std::string YamlHint(std::string_view file, Mark mark);

// What yaml-cpp says is wrong, in plain words.
std::string PlainWords(std::string_view message);

}  // namespace hawser::config
