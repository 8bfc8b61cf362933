// Where a configuration is listened on, and the sockets for what was not listened on before. A listener's
// identity is its name, that of its sockets is the address: listeners that swap addresses swap sockets, and a
// listener with another name on the same address takes over what has been queued there. With port 0 any port
// will do, and a listener keeps the one it got for as long as it keeps its name.
//
// At first everything is only bound, so that a configuration with an error takes no connections from the one
// that serves. Builder thread, or the main thread before there is one.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include <sys/types.h>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "proxy/net/address.h"
#include "proxy/net/socket.h"

namespace hawser::server {

struct Wanted {
  std::string listener;  // empty: the admin listener
  net::SocketAddress address;
  mode_t mode = 0666;  // of a Unix socket's file
  size_t sockets = 1;  // one for each thread that accepts

  bool for_admin() const { return listener.empty(); }
};

struct Binding {
  Wanted wanted;
  net::SocketAddress bound = {};  // with the port that port 0 became
  // Made now, as many as were wanted; none where it was bound before.
  std::vector<net::Socket> sockets = {};
};

using BindFailed = absl::FunctionRef<void(size_t index, const absl::Status& status)>;

// A binding for each wanted one, in their order; `failed` is called for those that could not be had. An
// address that is used only by one of `before` that goes is not in use.
std::vector<Binding> Bind(std::vector<Wanted> wanted, std::span<const Binding> before, BindFailed failed);

// The last step: listens on the new sockets, and once all of them do, gives the files of kept ones their new
// mode.
void BeginListening(std::span<Binding> bindings, std::span<const Binding> before, BindFailed failed);

// Closes the new sockets and removes their files, in place of the last step.
void GiveUp(std::vector<Binding> bindings);

// Addresses of `before` that are not in `now`.
std::vector<net::SocketAddress> Gone(std::span<const Binding> before, std::span<const Binding> now);

}  // namespace hawser::server
