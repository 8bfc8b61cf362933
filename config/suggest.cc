#include "config/suggest.h"

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <utility>
#include <vector>

#include "fmt/format.h"
#include "proxy/base/check.h"

namespace hawser::config {
namespace {

constexpr size_t kLongestWord = 64;    // longer ones are not typing errors
constexpr size_t kMostSuggested = 20;  // of a list of names

// Words of other programs, and ours. They have few letters in common.
constexpr std::pair<std::string_view, std::string_view> kElsewhere[] = {
    {"leastconn", "least_request"}, {"least_conn", "least_request"}, {"http2", "h2"}, {"ssl", "tls"}};

bool Same(char a, char b) {
  return std::tolower(static_cast<unsigned char>(a)) == std::tolower(static_cast<unsigned char>(b));
}

// Row by row; a swap looks two rows back.
size_t Distance(std::string_view a, std::string_view b) {
  std::vector<size_t> before(b.size() + 1);
  std::vector<size_t> above(b.size() + 1);
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) above[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const bool same = Same(a[i - 1], b[j - 1]);
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + (same ? 0 : 1)});
      const bool swapped = i > 1 && j > 1 && Same(a[i - 1], b[j - 2]) && Same(a[i - 2], b[j - 1]);
      if (swapped) row[j] = std::min(row[j], before[j - 2] + 1);
    }
    std::swap(before, above);
    std::swap(above, row);
  }
  return above[b.size()];
}

}  // namespace

std::string_view Nearest(std::string_view word, std::span<const std::string_view> known) {
  if (word.size() > kLongestWord) return {};
  for (const auto& [theirs, ours] : kElsewhere) {
    if (theirs == word && std::find(known.begin(), known.end(), ours) != known.end()) return ours;
  }
  std::string_view nearest;
  size_t least = std::max<size_t>(1, word.size() / 3) + 1;
  for (const std::string_view candidate : known) {
    if (candidate.size() > kLongestWord) continue;
    const size_t distance = Distance(word, candidate);
    if (distance < least) {
      least = distance;
      nearest = candidate;
    }
  }
  return nearest;
}

std::string Suggest(std::string_view word, std::span<const std::string_view> known) {
  HAWSER_DCHECK(!known.empty());
  const std::string_view nearest = Nearest(word, known);
  if (!nearest.empty()) return fmt::format("did you mean \"{}\"?", nearest);
  if (known.size() == 1) return fmt::format("expected {}", known[0]);
  const std::span<const std::string_view> shown = known.first(std::min(known.size(), kMostSuggested));
  return fmt::format("expected one of {}{}", fmt::join(shown, ", "),
                     shown.size() < known.size() ? ", ..." : "");
}

}  // namespace hawser::config
