#include "config/address_pattern.h"

#include <string_view>

#include "config/form.h"
#include "fmt/format.h"

namespace hawser::config {
namespace {

constexpr std::string_view kGroup = "[0-9A-Fa-f]{1,4}";
constexpr std::string_view kPort =
    "0*(6553[0-5]|655[0-2][0-9]|65[0-4][0-9]{2}|6[0-4][0-9]{3}|[1-5][0-9]{4}|[0-9]{1,4})";

std::string V4() {
  constexpr std::string_view kByte = "(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])";
  return fmt::format("{0}(\\.{0}){{3}}", kByte);
}

// Eight groups, of which the last two may be written as an IPv4 address, and any run as "::" (RFC 4291 §2.2).
std::string V6() {
  std::string pattern = fmt::format("({0}:){{7}}{0}|({0}:){{6}}{1}", kGroup, V4());
  for (int ahead = 0; ahead <= 7; ++ahead) {
    pattern += ahead == 0 ? "|::" : fmt::format("|({0}:){{{1}}}{0}::", kGroup, ahead - 1);
    if (ahead <= 6) pattern += fmt::format("({0}(:{0}){{0,{1}}})?", kGroup, 6 - ahead);
    if (ahead <= 5) {
      pattern += ahead == 0 ? "|::" : fmt::format("|({0}:){{{1}}}{0}::", kGroup, ahead - 1);
      pattern += fmt::format("({0}:){{0,{1}}}{2}", kGroup, 5 - ahead, V4());
    }
  }
  return pattern;
}

}  // namespace

std::string SocketAddressPattern() {
  return fmt::format("^(unix:[\\s\\S]{{1,107}}|({0}|\\[({0}|{1})\\]):{2})$", V4(), V6(), kPort);
}

std::string BackendAddressPattern() {
  return fmt::format("^(unix:[\\s\\S]{{1,107}}|({0}|\\[({0}|{1})\\]|{2}):{3})$", V4(), V6(),
                     BarePatternOf(Form::kDnsName), kPort);
}

std::string DnsServerPattern() {
  return fmt::format("^({0}|{1}|({0}|\\[({0}|{1})\\]):{2})$", V4(), V6(), kPort);
}

std::string IpAddressPattern() {
  return fmt::format("^({0}|{1})$", V4(), V6());
}

std::string PeerBlockPattern() {
  return fmt::format(
      "^(unix|{0}(/0*([0-9]|[12][0-9]|3[0-2]))?|({1})(/0*([0-9]|[1-9][0-9]|1[01][0-9]|12[0-8]))?)$", V4(),
      V6());
}

}  // namespace hawser::config
