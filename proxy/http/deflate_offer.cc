#include "proxy/http/deflate_offer.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

#include "fmt/format.h"
#include "proxy/http/characters.h"

namespace hawser::http {
namespace {

constexpr std::string_view kField = "Sec-WebSocket-Extensions";
constexpr std::string_view kDeflate = "permessage-deflate";
constexpr int kLeastServerBits = 9;  // of the windows that zlib keeps for raw streams

// Names under which compression has been offered: of RFC 7692, of its drafts, and of WebKit before them.
constexpr auto kCompressions = std::to_array<std::string_view>(
    {kDeflate, "permessage-compress", "permessage-bzip2", "deflate-frame", "x-webkit-deflate-frame"});

struct Parameter {
  std::string_view name;
  std::optional<std::string> value;
};

// The parts between semicolons, trimmed; those inside quoted strings do not separate.
std::vector<std::string_view> Split(std::string_view text) {
  std::vector<std::string_view> parts;
  bool quoted = false;
  size_t begin = 0;
  for (size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '"') quoted = !quoted;
    if (quoted && text[at] == '\\') ++at;
    if (quoted || at >= text.size() || text[at] != ';') continue;
    parts.push_back(TrimWhitespace(text.substr(begin, at - begin)));
    begin = at + 1;
  }
  parts.push_back(TrimWhitespace(text.substr(begin)));
  return parts;
}

// A token, or a quoted string that holds one (RFC 6455 §9.1).
std::optional<std::string> ReadValue(std::string_view text) {
  if (!text.starts_with('"')) return IsToken(text) ? std::optional(std::string(text)) : std::nullopt;
  std::string value;
  size_t at = 1;
  for (; at < text.size() && text[at] != '"'; ++at) {
    if (text[at] == '\\') ++at;
    if (at < text.size()) value += text[at];
  }
  const bool closed = at + 1 == text.size();
  return closed && IsToken(value) ? std::optional(value) : std::nullopt;
}

std::optional<Parameter> ReadParameter(std::string_view text) {
  const size_t equals = text.find('=');
  Parameter parameter{.name = TrimWhitespace(text.substr(0, equals))};
  if (!IsToken(parameter.name)) return std::nullopt;
  if (equals == std::string_view::npos) return parameter;
  parameter.value = ReadValue(TrimWhitespace(text.substr(equals + 1)));
  if (!parameter.value) return std::nullopt;
  return parameter;
}

// 8 to 15, without a leading zero; 0 for anything else.
int ReadBits(std::string_view text) {
  constexpr auto kTexts = std::to_array<std::string_view>({"8", "9", "10", "11", "12", "13", "14", "15"});
  const auto found = std::find(kTexts.begin(), kTexts.end(), text);
  return found == kTexts.end() ? 0 : static_cast<int>(found - kTexts.begin()) + 8;
}

// Adds what one parameter of an offer asks for to the agreement. False: the offer must be declined.
bool Apply(const Parameter& parameter, DeflateAgreement& agreement) {
  if (parameter.name == "server_no_context_takeover" || parameter.name == "client_no_context_takeover") {
    return !parameter.value;
  }
  const int bits = parameter.value ? ReadBits(*parameter.value) : 0;
  if (parameter.name == "server_max_window_bits") {
    agreement.server_max_window_bits = bits;
    return bits >= kLeastServerBits;
  }
  if (parameter.name == "client_max_window_bits") {
    if (bits != 0) agreement.client_max_window_bits = bits;
    return bits != 0 || !parameter.value;  // without a value: the client could keep to one
  }
  return false;
}

// `offer` is the name of the extension and its parameters.
std::optional<DeflateAgreement> Accept(std::string_view offer) {
  DeflateAgreement agreement;
  std::vector<std::string_view> names;
  const std::vector<std::string_view> parts = Split(offer);
  for (auto part = parts.begin() + 1; part != parts.end(); ++part) {
    const auto parameter = ReadParameter(*part);
    if (!parameter || !Apply(*parameter, agreement)) return std::nullopt;
    if (std::find(names.begin(), names.end(), parameter->name) != names.end()) return std::nullopt;
    names.push_back(parameter->name);
  }
  return agreement;
}

// Calls visit(name, element) for each extension in each of the fields until it returns true.
template <typename Visit>
void ForEachOffer(const HeaderList& headers, Visit visit) {
  for (const Header& header : headers) {
    if (!EqualsIgnoreCase(header.name, kField)) continue;
    std::string_view list = header.value;
    for (auto element = TakeElement(list); !element.empty(); element = TakeElement(list)) {
      if (visit(TrimWhitespace(element.substr(0, element.find(';'))), element)) return;
    }
  }
}

bool IsCompression(std::string_view name) {
  return std::any_of(kCompressions.begin(), kCompressions.end(),
                     [name](std::string_view known) { return EqualsIgnoreCase(name, known); });
}

}  // namespace

std::string DeflateAgreement::Answer() const {
  std::string answer = fmt::format("{}; server_no_context_takeover; client_no_context_takeover", kDeflate);
  if (server_max_window_bits) answer += fmt::format("; server_max_window_bits={}", *server_max_window_bits);
  if (client_max_window_bits) answer += fmt::format("; client_max_window_bits={}", *client_max_window_bits);
  return answer;
}

std::optional<DeflateAgreement> AgreeOnDeflate(const HeaderList& headers) {
  std::optional<DeflateAgreement> agreement;
  ForEachOffer(headers, [&](std::string_view name, std::string_view element) {
    if (EqualsIgnoreCase(name, kDeflate)) agreement = Accept(element);
    return agreement.has_value();
  });
  return agreement;
}

void RemoveCompressionOffers(RequestHead& head, UpgradeRequest& upgrade, TextArena& arena) {
  std::string others;
  ForEachOffer(head.headers, [&](std::string_view name, std::string_view element) {
    if (!IsCompression(name)) others.append(others.empty() ? "" : ", ").append(element);
    return false;
  });
  if (others.empty()) {
    head.headers.Remove(kField);
  } else {
    head.headers.Set(kField, arena(std::move(others)));
  }
  std::erase_if(upgrade.extensions, IsCompression);
}

}  // namespace hawser::http
