// Where a request is placed by ring_hash and maglev: the hash of the first of the cluster's `hash_policy` that the
// request has, else of its source address. Alike on every hawser.
#pragma once

#include <cstdint>

#include "config/schema.h"
#include "proxy/http/head.h"
#include "proxy/net/address.h"

namespace hawser::cluster {

// Header, cookie and query values count as they were sent, undecoded; an empty one counts as absent, or every client that
// has nothing to say would be placed alike. Of several headers of one name the first counts. An address counts by its
// prefix.
uint64_t HashOf(const config::Cluster& settings, const http::RequestHead& head, const net::IpAddress& client);

}  // namespace hawser::cluster
