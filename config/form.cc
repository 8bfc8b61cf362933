#include "config/form.h"

#include <charconv>
#include <cstddef>
#include <iterator>
#include <system_error>
#include <utility>

#include <re2/re2.h>

#include "config/diagnostic.h"
#include "fmt/format.h"
#include "proxy/base/check.h"

namespace hawser::config {
namespace {

struct FormRow {
  Form form;
  std::string_view type;
  std::string_view pattern;  // matched whole; empty: any text
  std::string_view expected;
};

// In the order of the enum. Patterns keep to what RE2 and JSON Schema's ECMA 262 read alike.
constexpr FormRow kRows[] = {
    {Form::kText, "text", R"([^\r\n]+)", "text in one line"},
    {Form::kAny, "text", R"([^\r\n]*)", "text in one line"},
    {Form::kName, "name", R"([A-Za-z0-9_][A-Za-z0-9_.:/-]{0,127})",
     "a name: up to 128 letters, digits and _ . : / -"},
    {Form::kFile, "file", R"([^\r\n]+)", "a file name"},
    {Form::kLogFile, "file", R"([^\r\n]*)", "a file name, or \"-\" for stdout"},
    {Form::kFileMode, "file mode", "0[0-7]{3}", "permissions in octal, in quotes, such as \"0660\""},
    {Form::kDnsName, "DNS name",
     R"(([A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\.)*([A-Za-z_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?|[0-9]([A-Za-z0-9_-]{0,61})[A-Za-z_]|[0-9][A-Za-z0-9_-]*[A-Za-z_-][A-Za-z0-9_-]*[0-9])\.?)",
     "a DNS name: labels of letters, digits, - and _ with dots between them"},
    {Form::kHost, "host", R"((\*\.)?([A-Za-z0-9_-]+\.)*[A-Za-z0-9_-]+|\[[0-9A-Fa-f:.]+\])",
     "a host name without a port, or *.DOMAIN"},
    {Form::kOrigin, "origin",
     R"(same-host|null|[a-z][a-z0-9+.-]*://((\*\.)?([A-Za-z0-9_-]+\.)*[A-Za-z0-9_-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]+)?)",
     "an origin such as https://app.example.com or https://*.example.com, same-host or \"null\""},
    {Form::kUrlPath, "path", R"(/[!"$->@-~]*)",
     "a path that begins with /, percent-encoded, without ? and #"},
    {Form::kUrlTarget, "path", R"(/[!"$-~]*)",
     "a path that begins with /, percent-encoded, with or without ? and a query"},
    {Form::kAuthority, "host and port",
     R"((([A-Za-z0-9_-]+\.)*[A-Za-z0-9_-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?)",
     "a host name or address, with or without a port"},
    {Form::kCookiePath, "path", R"(/[ -:<-~]*)", "a path that begins with /, without ;"},
    {Form::kRegex, "regex", "", "a regular expression in RE2 syntax"},
    {Form::kSubstitution, "substitution", R"(([!"$->@-\[\]-~]|\\[0-9])*)",
     "what a path may hold, percent-encoded, without ? and #, and \\0 to \\9"},
    {Form::kToken, "token", R"([!#$%&'*+.^_`|~0-9A-Za-z-]+)",
     "a token: letters, digits and ! # $ % & ' * + - . ^ _ ` | ~"},
    {Form::kFieldValue, "field value", R"([^\x00-\x08\x0a-\x1f\x7f]*)", "text without control characters"},
    {Form::kBody, "text", R"([\s\S]*)", "text"},
};

constexpr bool InOrder() {
  for (size_t i = 0; i < std::size(kRows); ++i) {
    if (kRows[i].form != static_cast<Form>(i)) return false;
  }
  return true;
}
static_assert(InOrder());

const FormRow& RowOf(Form form) {
  return kRows[static_cast<size_t>(form)];
}

// Compiled once: the loader asks for the same few again and again.
template <size_t... kIndex>
bool Matches(size_t row, std::string_view text, std::index_sequence<kIndex...>) {
  static const RE2 patterns[] = {RE2(kRows[kIndex].pattern.data())...};
  return RE2::FullMatch(re2::StringPiece(text.data(), text.size()), patterns[row]);
}

bool Matches(Form form, std::string_view text) {
  return Matches(static_cast<size_t>(form), text, std::make_index_sequence<std::size(kRows)>());
}

}  // namespace

std::string_view TypeOf(Form form) {
  return RowOf(form).type;
}

std::string_view ExpectedOf(Form form) {
  return RowOf(form).expected;
}

std::string_view BarePatternOf(Form form) {
  return RowOf(form).pattern;
}

std::string PatternOf(Form form) {
  const std::string_view pattern = BarePatternOf(form);
  return pattern.empty() ? std::string() : fmt::format("^(?:{})$", pattern);
}

uint32_t ModeOf(std::string_view text) {
  uint32_t mode = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), mode, 8);
  HAWSER_DCHECK(error == std::errc() && end == text.data() + text.size());
  return mode;
}

std::optional<std::string> Misfit(Form form, std::string_view text) {
  if (form == Form::kRegex) {
    RE2::Options options(RE2::Quiet);
    options.set_never_capture(true);
    options.set_max_mem(kRegexBytes);
    const RE2 regex(re2::StringPiece(text.data(), text.size()), options);
    if (regex.ok()) return std::nullopt;
    return fmt::format("{} does not compile: {}", Quote(text), regex.error());
  }
  if (Matches(form, text)) return std::nullopt;
  if (text.empty()) return "is empty";
  return fmt::format("{} is not {} {}", Quote(text), form == Form::kOrigin ? "an" : "a", TypeOf(form));
}

}  // namespace hawser::config
