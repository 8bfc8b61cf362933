// The hash of a request for ring_hash and maglev: of the first entry of the cluster's `hash_policy` that the
// request has, else of its source address. The same on every hawser.
#pragma once

#include <cstdint>

#include "config/schema.h"
#include "proxy/http/head.h"
#include "proxy/net/address.h"

namespace hawser::cluster {

// Header, cookie and query values count as they were sent, undecoded; an empty one counts as absent, or all
// clients with an empty value would get the same endpoint. Of several headers of one name the first counts.
// An address counts by its prefix.
uint64_t HashOf(const config::Cluster& settings, const http::RequestHead& head, const net::IpAddress& client);

}  // namespace hawser::cluster
