#include "config/diagnostic.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "fmt/format.h"
#include "proxy/base/check.h"

namespace hawser::config {

namespace {

std::string Render(const Diagnostic& diagnostic, std::string_view kind) {
  std::string text = diagnostic.file;
  if (diagnostic.mark.line > 0) text += fmt::format(":{}:{}", diagnostic.mark.line, diagnostic.mark.column);
  text += ": ";
  text += kind;
  if (!diagnostic.path.empty()) text += diagnostic.path + ": ";
  text += diagnostic.what;
  if (!diagnostic.expected.empty()) text += "; " + diagnostic.expected;
  return text;
}

}  // namespace

std::string Render(const Diagnostic& diagnostic) {
  return Render(diagnostic, "");
}

std::string RenderWarning(const Diagnostic& diagnostic) {
  return Render(diagnostic, "warning: ");
}

std::string Quote(std::string_view text) {
  constexpr size_t kLongest = 80;
  if (text.size() <= kLongest) return fmt::format("\"{}\"", text);
  size_t cut = kLongest;  // not inside a UTF-8 sequence
  while (cut > 0 && (static_cast<unsigned char>(text[cut]) & 0xc0) == 0x80) --cut;
  return fmt::format("\"{}...\"", text.substr(0, cut));
}

void Diagnostics::Add(Mark mark, std::string path, std::string what, std::string expected) {
  Add({file_, mark, std::move(path), std::move(what), std::move(expected)});
}

void Diagnostics::Add(Diagnostic diagnostic) {
  HAWSER_DCHECK(!diagnostic.what.empty());
  if (list_.size() == kMost) {
    ++left_out_;
    return;
  }
  list_.push_back(std::move(diagnostic));
}

bool Diagnostics::Concern(std::string_view path) const {
  return std::any_of(list_.begin(), list_.end(), [this, path](const Diagnostic& one) {
    if (one.file != file_ || !std::string_view(one.path).starts_with(path)) return false;
    return one.path.size() == path.size() || one.path[path.size()] == '.' || one.path[path.size()] == '[';
  });
}

std::vector<Diagnostic> Diagnostics::Take() {
  const auto place = [this](const Diagnostic& one) {
    const bool other = one.file != file_;
    return std::tuple(other, other ? std::string_view(one.file) : std::string_view(), one.mark);
  };
  std::stable_sort(list_.begin(), list_.end(),
                   [&place](const Diagnostic& a, const Diagnostic& b) { return place(a) < place(b); });
  if (left_out_ > 0) list_.push_back({file_, {}, {}, fmt::format("{} more are not shown", left_out_), {}});
  left_out_ = 0;
  return std::exchange(list_, {});
}

}  // namespace hawser::config
