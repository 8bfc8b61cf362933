#include "proxy/http/cache_control.h"

namespace hawser::http {

bool IsForSharedCaches(const HeaderList& response) {
  for (const Header& header : response) {
    if (!EqualsIgnoreCase(header.name, "Cache-Control")) continue;
    std::string_view list = header.value;
    for (auto directive = TakeElement(list); !directive.empty(); directive = TakeElement(list)) {
      const std::string_view name = TrimWhitespace(directive.substr(0, directive.find('=')));
      if (EqualsIgnoreCase(name, "public") || EqualsIgnoreCase(name, "s-maxage")) return true;
    }
  }
  return false;
}

}  // namespace hawser::http
