// The negotiation on any Sec-WebSocket-Extensions field: the result must be an answer that RFC 7692 allows
// and that is accepted as an offer, and the rest for the backend must offer no compression.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "proxy/http/deflate_offer.h"

namespace {

using namespace hawser::http;

void Require(bool condition) {
  if (!condition) std::abort();
}

HeaderList FieldOf(std::string_view value) {
  HeaderList headers;
  headers.Add("Sec-WebSocket-Extensions", value);
  return headers;
}

bool Between(const std::optional<int>& bits, int least) {
  return !bits || (*bits >= least && *bits <= 15);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view value(reinterpret_cast<const char*>(data), size);
  if (const auto agreement = AgreeOnDeflate(FieldOf(value))) {
    Require(Between(agreement->server_max_window_bits, 9) && Between(agreement->client_max_window_bits, 8));
    const std::string answer = agreement->Answer();
    const auto again = AgreeOnDeflate(FieldOf(answer));
    Require(again && again->Answer() == answer);
  }
  RequestHead head;
  head.headers = FieldOf(value);
  UpgradeRequest upgrade;
  TextArena arena;
  RemoveCompressionOffers(head, upgrade, arena);
  Require(!AgreeOnDeflate(head.headers));
  Require(head.headers.size() <= 1);
  return 0;
}
