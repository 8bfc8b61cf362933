#include "proxy/resolve/setup.h"

#include <fstream>
#include <sstream>
#include <utility>

#include "proxy/base/status_macros.h"

namespace hawser::resolve {
namespace {

std::string ReadFile(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return std::move(text).str();
}

std::vector<net::SocketAddress> AddressesOf(const std::vector<config::DnsServer>& servers) {
  std::vector<net::SocketAddress> addresses;
  for (const config::DnsServer& server : servers) addresses.push_back(server.address);
  return addresses;
}

}  // namespace

absl::StatusOr<Setup> ReadSetup(const config::Dns& settings, const SystemFiles& files) {
  Setup setup{.settings = settings,
              .resolv_conf = ReadFile(files.resolv_conf),
              .hosts_text = ReadFile(files.hosts),
              .hosts = {},
              .servers = {}};
  setup.hosts = Hosts(setup.hosts_text);
  Channel::Options options{.resolv_conf = files.resolv_conf, .timeout = settings.timeout};
  std::vector<net::SocketAddress> servers = AddressesOf(settings.servers);
  if (servers.empty()) {
    HAWSER_ASSIGN_OR_RETURN(const auto system, Channel::Open(options));
    servers = system->servers();
  }
  for (const net::SocketAddress& server : servers) {
    options.server = &server;
    HAWSER_ASSIGN_OR_RETURN(setup.servers.emplace_back(), Channel::Open(options));
  }
  return setup;
}

}  // namespace hawser::resolve
