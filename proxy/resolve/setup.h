// What names are resolved with: the configuration's `dns` and the system's settings, as they are now. To be
// read on a thread that may wait for files; a lookup opens none.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "config/dns.h"
#include "proxy/resolve/channel.h"
#include "proxy/resolve/hosts.h"

namespace hawser::resolve {

struct SystemFiles {
  std::string resolv_conf = "/etc/resolv.conf";  // of it: nameserver, search, domain, options ndots
  std::string hosts = "/etc/hosts";
};

struct Setup {
  config::Dns settings;
  std::string resolv_conf;  // both files as they were read
  std::string hosts_text;
  Hosts hosts;
  std::vector<std::unique_ptr<Channel>> servers;  // at least one

  // Whether it was read from the same.
  bool operator==(const Setup& other) const {
    return settings == other.settings && resolv_conf == other.resolv_conf && hosts_text == other.hosts_text;
  }
};

// A file that is not there or cannot be read counts as empty.
absl::StatusOr<Setup> ReadSetup(const config::Dns& settings, const SystemFiles& files = {});

}  // namespace hawser::resolve
