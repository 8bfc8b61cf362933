// The table of /etc/hosts: names and their addresses (hosts(5)). A value, made once from the file's text: a
// lookup opens no file. "localhost" and the names below it are the loopback addresses even if the file does
// not have them (RFC 6761 §6.3).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "proxy/net/address.h"

namespace hawser::resolve {

class Hosts {
 public:
  Hosts() = default;                      // of an empty file
  explicit Hosts(std::string_view text);  // lines that are none are skipped

  // In the file's order, each once; empty if the name is not there. The name in any case, with or without a
  // dot at its end.
  std::vector<net::IpAddress> Find(std::string_view name) const;

 private:
  void AddLine(std::string_view line);

  absl::flat_hash_map<std::string, std::vector<net::IpAddress>> addresses_;  // by names in lower case
};

}  // namespace hawser::resolve
