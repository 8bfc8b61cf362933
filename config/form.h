// The forms that text in the configuration may have: file, host, URL path, regex, token and so on. One table
// gives each its name in the reference, its pattern (checked by the loader and printed in the JSON Schema)
// and the sentence that says what was expected.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace hawser::config {

enum class Form : uint8_t {
  kText,          // anything but an empty line
  kAny,           // may be empty too
  kName,          // of a listener, route or cluster: goes into metric labels and log lines
  kFile,          // relative to the folder of the configuration file
  kLogFile,       // a file, or "-" for stdout
  kFileMode,      // "0660": permissions in octal
  kDnsName,       // of a host or a service: "rooms.internal", "_ws._tcp.rooms.internal"
  kHost,          // "chat.example.com" or "*.example.com"
  kOrigin,        // "https://*.example.com", "same-host" or "null"
  kUrlPath,       // as it stands in a request line, without the query
  kUrlTarget,     // the same, maybe with a query
  kAuthority,     // "chat.example.com:8443": a host, maybe with a port
  kCookiePath,    // RFC 6265 §4.1.1
  kRegex,         // RE2
  kSubstitution,  // of a regex in a path: \0 to \9, and what a path may hold
  kToken,         // RFC 9110 §5.6.2: header, cookie and subprotocol names
  kFieldValue,    // RFC 9110 §5.5: no control character but the tab
  kBody,          // any bytes, in any number of lines
};

inline constexpr size_t kLongestDnsName = 253;

// Bounds the memory of one compiled expression; later compilations must allow as much.
inline constexpr int64_t kRegexBytes = 1 << 20;

// "file", "regex": the type as the reference names it.
std::string_view TypeOf(Form form);
// "a path that begins with /": completes "expected".
std::string_view ExpectedOf(Form form);
// For the JSON Schema, anchored at both ends; empty if any text will do.
std::string PatternOf(Form form);

// The same, to stand in another pattern.
std::string_view BarePatternOf(Form form);

// The permission bits that a text of Form::kFileMode stands for: 0660 for "0660".
uint32_t ModeOf(std::string_view text);

// What is wrong with the text; none if it has the form.
std::optional<std::string> Misfit(Form form, std::string_view text);

}  // namespace hawser::config
