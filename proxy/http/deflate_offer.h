// The negotiation of permessage-deflate (RFC 7692 §7.1) with a client whose backend does not compress: which
// of its offers hawser takes, and what it answers. Pure.
#pragma once

#include <optional>
#include <string>

#include "proxy/http/head.h"
#include "proxy/http/upgrade.h"

namespace hawser::http {

// The answer always says no context takeover, in both directions.
struct DeflateAgreement {
  // Windows as powers of two, 9 to 15 for what the client is sent, 8 to 15 for what it sends. None: the
  // parameter is absent, which means 15 (§7.1.2).
  std::optional<int> server_max_window_bits;
  std::optional<int> client_max_window_bits;

  // The value of the Sec-WebSocket-Extensions field that accepts the offer.
  std::string Answer() const;
};

// The first offer in the Sec-WebSocket-Extensions fields that can be accepted; none if no offer can. An offer
// is declined for a parameter that is unknown, given twice, or has a value that it may not have (§7.1), and
// for a window of 2^8 bytes for the server, which zlib cannot keep.
std::optional<DeflateAgreement> AgreeOnDeflate(const HeaderList& headers);

// Removes the offers of compression (permessage-deflate and its predecessors) from a client's request and
// from what was parsed of it. Other extensions stay. A backend that accepts one nevertheless breaks RFC 6455
// §4.1.
void RemoveCompressionOffers(RequestHead& head, UpgradeRequest& upgrade, TextArena& arena);

}  // namespace hawser::http
