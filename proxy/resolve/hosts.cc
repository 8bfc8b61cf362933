#include "proxy/resolve/hosts.h"

#include <algorithm>

#include "proxy/http/characters.h"

namespace hawser::resolve {
namespace {

constexpr std::string_view kSpace = " \t\r";

// Takes the first word off `line`; "" at its end.
std::string_view TakeWord(std::string_view& line) {
  line.remove_prefix(std::min(line.find_first_not_of(kSpace), line.size()));
  const std::string_view word = line.substr(0, line.find_first_of(kSpace));
  line.remove_prefix(word.size());
  return word;
}

std::string Key(std::string_view name) {
  if (name.ends_with('.')) name.remove_suffix(1);
  std::string key(name);
  std::transform(key.begin(), key.end(), key.begin(), http::LowerCase);
  return key;
}

}  // namespace

Hosts::Hosts(std::string_view text) {
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    AddLine(line.substr(0, line.find('#')));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
  }
}

void Hosts::AddLine(std::string_view line) {
  const auto ip = net::IpAddress::Parse(TakeWord(line));
  if (!ip.ok()) return;
  for (std::string_view name = TakeWord(line); !name.empty(); name = TakeWord(line)) {
    auto& known = addresses_[Key(name)];
    if (std::find(known.begin(), known.end(), *ip) == known.end()) known.push_back(*ip);
  }
}

std::vector<net::IpAddress> Hosts::Find(std::string_view name) const {
  const std::string key = Key(name);
  if (const auto found = addresses_.find(key); found != addresses_.end()) return found->second;
  if (key != "localhost" && !key.ends_with(".localhost")) return {};
  return {*net::IpAddress::Parse("127.0.0.1"), *net::IpAddress::Parse("::1")};
}

}  // namespace hawser::resolve
