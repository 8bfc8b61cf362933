// What is wrong with a configuration, and where: one line for each, in the order of the file, as
// `FILE:LINE:COL: path: what; expected`.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace hawser::config {

// A place in the file, both counted from 1. Line 0: no place (the field was left out, or there is no file).
struct Mark {
  uint32_t line = 0;
  uint32_t column = 0;
  auto operator<=>(const Mark&) const = default;
};

struct Diagnostic {
  std::string file;
  Mark mark;
  std::string path;  // "listeners[0].tls.certificates[1]"; empty: the whole file
  std::string what;  // "unknown key"
  // The rest of the sentence: "expected 1 to 65535", "did you mean \"name\"?"; may be empty.
  std::string expected;
};

std::string Render(const Diagnostic& diagnostic);
// Likewise, as `FILE:LINE:COL: warning: path: what; expected`.
std::string RenderWarning(const Diagnostic& diagnostic);

// Text of the file in a message: in quotes, cut if long.
std::string Quote(std::string_view text);

// Collects up to kMost; further ones are only counted.
class Diagnostics {
 public:
  static constexpr size_t kMost = 1000;

  explicit Diagnostics(std::string file) : file_(std::move(file)) {}

  void Add(Mark mark, std::string path, std::string what, std::string expected = {});
  // One of another file.
  void Add(Diagnostic diagnostic);
  bool empty() const { return list_.empty(); }
  // Whether there is one for the value at this path, or for any in it.
  bool Concern(std::string_view path) const;
  // In the order of the file, and behind them those of other files; ends with a line that says how many were
  // left out, if any.
  std::vector<Diagnostic> Take();

 private:
  std::string file_;
  std::vector<Diagnostic> list_;
  size_t left_out_ = 0;
};

}  // namespace hawser::config
