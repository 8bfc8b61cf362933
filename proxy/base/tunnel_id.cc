#include "proxy/base/tunnel_id.h"

#include <charconv>
#include <system_error>

#include "fmt/format.h"

namespace hawser::base {
namespace {

template <typename Number>
bool Take(std::string_view& text, Number& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return false;
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  return true;
}

bool TakeDash(std::string_view& text) {
  if (!text.starts_with('-')) return false;
  text.remove_prefix(1);
  return true;
}

}  // namespace

std::string TunnelId::ToString() const {
  return generation == 0 ? std::string() : fmt::format("{}-{}-{}", worker, slot, generation);
}

// Other spellings of the same numbers are refused by the comparison.
std::optional<TunnelId> TunnelId::Parse(std::string_view text) {
  TunnelId id;
  std::string_view rest = text;
  const bool whole = Take(rest, id.worker) && TakeDash(rest) && Take(rest, id.slot) && TakeDash(rest) &&
                     Take(rest, id.generation);
  if (!whole || !id || id.ToString() != text) return std::nullopt;
  return id;
}

}  // namespace hawser::base
