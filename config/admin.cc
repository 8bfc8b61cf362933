#include "config/admin.h"

#include "config/address_check.h"
#include "config/checks.h"
#include "config/describe.h"

namespace hawser::config {

void Describe(Description& d, const Admin& admin) {
  d.Field({"address",
           "Where the admin pages are served: `/ready`, `/healthz`, `/metrics`, `/clusters`, `/tunnels`, "
           "`/clients`, `/config_dump`. They ask for no password: keep this on loopback or on a Unix socket.",
           "no admin listener"},
          admin.address);
  d.Field(
      {"hosts",
       "Host names that requests to the admin pages may name, such as `hawser.internal`. IP addresses and "
       "`localhost` are always allowed. A request for another host is refused, so that no web page can "
       "reach this listener by a DNS name of its own (DNS rebinding).",
       "none"},
      admin.hosts, {.each = {Form::kDnsName, kLongestDnsName}});
  d.Field({"mode",
           "Permissions of the socket file, where `address` is a Unix socket with a path. Whoever may write "
           "to the file may connect. The umask is ignored."},
          admin.mode, {Form::kFileMode});
  d.Field({"connections",
           "How many connections are served at once. One more closes the oldest that waits for its client."},
          admin.connections, {1, 10'000});
  d.Field({"timeout",
           "Time from accepting a connection to the end of its answer. Then the connection is closed."},
          admin.timeout, {100ms, kLongestWait});
  d.Field(
      {"tunnels_shown",
       "The most rows that `/tunnels` shows. Workers collect them 256 at a time, between their other work."},
      admin.tunnels_shown, {1, 1'000'000});
  d.Field({"clients_shown", "The most rows that `/clients` shows."}, admin.clients_shown, {1, 100'000});
}

void CheckAdmin(const Admin& admin, const Checks& checks) {
  if (admin.address) CheckSocketMode(admin.mode, *admin.address, checks);
  if (!admin.address || admin.address->unix_socket() || admin.address->ip().loopback()) return;
  if (!checks.Given(*admin.address)) return;
  checks.Warn(*admin.address, "the admin pages can be reached from other machines",
              "expected a loopback address or a Unix socket");
}

}  // namespace hawser::config
