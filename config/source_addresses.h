// The addresses that connections to backends come from.
#pragma once

#include <vector>

#include "config/endpoints.h"
#include "config/section.h"
#include "proxy/net/address.h"

namespace hawser::config {

// That each is one to connect from, and stands there once; and that they have the families of the endpoints
// that are listed.
void CheckSourceAddresses(const std::vector<net::IpAddress>& sources, const std::vector<Endpoint>& endpoints,
                          const Checks& checks);

}  // namespace hawser::config
