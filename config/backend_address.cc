#include "config/backend_address.h"

#include <charconv>
#include <optional>
#include <system_error>

#include "absl/strings/ascii.h"
#include "config/diagnostic.h"
#include "config/form.h"
#include "fmt/format.h"
#include "proxy/base/check.h"

namespace hawser::config {
std::optional<uint16_t> PortIn(std::string_view text) {
  uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc() && end == text.data() + text.size() ? std::optional(port) : std::nullopt;
}

bool IsHostName(std::string_view text) {
  return text.size() <= kLongestDnsName && !Misfit(Form::kDnsName, text);
}

absl::StatusOr<BackendAddress> BackendAddress::Parse(std::string_view text) {
  auto literal = net::SocketAddress::Parse(text);
  if (literal.ok()) return BackendAddress(*std::move(literal));
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || text.starts_with('[') || text.starts_with("unix:")) {
    return literal.status();
  }
  const std::string_view host = text.substr(0, colon);
  const std::optional<uint16_t> port = PortIn(text.substr(colon + 1));
  if (!port) return absl::InvalidArgumentError("not a port: " + Quote(text.substr(colon + 1)));
  if (!IsHostName(host))
    return absl::InvalidArgumentError("not an IP address or a host name: " + Quote(host));
  return BackendAddress(absl::AsciiStrToLower({host.data(), host.size()}), *port);
}

const net::SocketAddress& BackendAddress::literal() const {
  HAWSER_DCHECK(!named());
  return literal_;
}

std::string BackendAddress::ToString() const {
  return named() ? fmt::format("{}:{}", host_, port()) : literal_.ToString();
}

}  // namespace hawser::config
