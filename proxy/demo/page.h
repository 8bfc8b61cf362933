// The demo's page, made from page.html by the build.
#pragma once

#include <string_view>

namespace hawser::demo {

extern const std::string_view kPage;

}  // namespace hawser::demo
