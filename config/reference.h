// docs/config.md, made from the description of the fields.
#pragma once

#include <string>
#include <string_view>

namespace hawser::config {

// A complete file that uses most fields; the reference begins with it.
std::string_view SampleYaml();

std::string ReferenceMarkdown();

}  // namespace hawser::config
