#include "proxy/session/logged_target.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "proxy/base/check.h"

namespace hawser::session {
namespace {

// Takes the character at the front of `text`, which is not empty: of "%74" the 't'.
char TakeDecoded(std::string_view& text) {
  HAWSER_DCHECK(!text.empty());
  const auto digit = [&text](size_t i) {
    const char c = i < text.size() ? absl::ascii_tolower(text[i]) : ' ';
    return absl::ascii_isdigit(c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
  };
  const bool encoded = text[0] == '%' && digit(1) >= 0 && digit(2) >= 0;
  const char c = encoded ? static_cast<char>(digit(1) * 16 + digit(2)) : text[0];
  text.remove_prefix(encoded ? 3 : 1);
  return c;
}

bool IsNamed(std::string_view encoded, std::string_view name) {
  for (const char c : name) {
    if (encoded.empty() || absl::ascii_tolower(TakeDecoded(encoded)) != absl::ascii_tolower(c)) return false;
  }
  return encoded.empty();
}

bool IsAnyOf(std::string_view encoded, const std::vector<std::string>& names) {
  return std::any_of(names.begin(), names.end(),
                     [encoded](const std::string& name) { return IsNamed(encoded, name); });
}

// Text of a bounded length.
class Line {
 public:
  explicit Line(std::span<char> room) : room_(room) {}

  bool full() const { return size_ == room_.size(); }
  std::string_view text() const { return {room_.data(), size_}; }

  void Append(std::string_view text) {
    const std::string_view kept = text.substr(0, room_.size() - size_);
    std::copy(kept.begin(), kept.end(), room_.begin() + static_cast<ptrdiff_t>(size_));
    size_ += kept.size();
  }
  // All of it or, where there is no room for that, none; then the line ends.
  void AppendWhole(std::string_view text) {
    if (text.size() <= room_.size() - size_) return Append(text);
    room_ = room_.first(size_);
  }

 private:
  std::span<char> room_;
  size_t size_ = 0;
};

void Redact(std::string_view query, const std::vector<std::string>& names, Line& line) {
  while (!query.empty() && !line.full()) {
    // A name may follow a '?': clients append "?token=..." to a query that is there already.
    size_t end = std::min(query.find_first_of("&;?"), query.size());
    const std::string_view parameter = query.substr(0, end);
    const size_t equals = parameter.find('=');
    if (equals != std::string_view::npos && IsAnyOf(parameter.substr(0, equals), names)) {
      end = std::min(query.find('&'), query.size());  // to some servers a ';' is part of the value
      line.Append(parameter.substr(0, equals + 1));
      if (end > equals + 1) line.AppendWhole(kRedactedValue);
    } else {
      line.Append(parameter);
    }
    line.Append(query.substr(end, 1));
    query.remove_prefix(std::min(end + 1, query.size()));
  }
}

}  // namespace

std::string_view LoggedTarget(std::string_view target, const config::AccessLog& settings,
                              std::span<char, kLongestTarget> room) {
  target = target.substr(0, target.find('#'));  // no target has a fragment: one that came is not logged
  const size_t question = target.find('?');
  if (question == std::string_view::npos || settings.query == config::QueryLog::kKeep) {
    return target.substr(0, kLongestTarget);
  }
  if (settings.query == config::QueryLog::kDrop) return target.substr(0, std::min(question, kLongestTarget));
  Line line(room);
  line.Append(target.substr(0, question + 1));
  Redact(target.substr(question + 1), settings.redacted, line);
  HAWSER_DCHECK(line.text().size() <= kLongestTarget);
  return line.text();
}

}  // namespace hawser::session
