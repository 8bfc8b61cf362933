#include "proxy/http/via.h"

#include <algorithm>

#include "fmt/format.h"
#include "proxy/base/hash.h"

namespace hawser::http {
namespace {

// Whether `name` stands in a list of entries (received-protocol RWS received-by [ RWS comment ]) as
// received-by. The list is not taken apart: a quote or a parenthesis that a client leaves open must not hide
// what stands behind it.
bool Holds(std::string_view list, std::string_view name) {
  constexpr std::string_view kBefore = " \t";
  constexpr std::string_view kBehind = " \t,";
  for (size_t at = list.find(name); at != std::string_view::npos; at = list.find(name, at + 1)) {
    const size_t end = at + name.size();
    const bool begins = at > 0 && kBefore.find(list[at - 1]) != std::string_view::npos;
    if (begins && (end == list.size() || kBehind.find(list[end]) != std::string_view::npos)) return true;
  }
  return false;
}

}  // namespace

Via::Via(uint32_t number) : name_(fmt::format("hawser-{:08x}", number)) {
  entries_[static_cast<size_t>(Version::kHttp10)] = "1.0 " + name_;
  entries_[static_cast<size_t>(Version::kHttp11)] = "1.1 " + name_;
  entries_[static_cast<size_t>(Version::kHttp2)] = "2 " + name_;
}

Via Via::Random() {
  return Via(static_cast<uint32_t>(base::SipKey::Random().k0));
}

bool Via::IsIn(const HeaderList& headers) const {
  return std::any_of(headers.begin(), headers.end(), [this](const Header& header) {
    return EqualsIgnoreCase(header.name, "Via") && Holds(header.value, name_);
  });
}

}  // namespace hawser::http
