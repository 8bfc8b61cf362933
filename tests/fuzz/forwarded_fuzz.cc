// The fields of a trusted proxy out of any bytes, one "Name:value" a line: afterwards each field occurs once
// with a valid value, and Forwarded says the same as X-Forwarded-*. Also, an element with any host is read as
// it was written.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <random>
#include <string>
#include <string_view>

#include "proxy/http/forwarded.h"
#include "proxy/http/forwarded_element.h"

namespace {

using namespace hawser;

void Check(bool holds) {
  if (!holds) std::abort();
}

std::string_view TakeLine(std::string_view& text) {
  const size_t end = std::min(text.find('\n'), text.size());
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return line;
}

void CheckRoundTrip(std::string_view host) {
  if (host.empty()) return;
  std::string element;
  http::AppendForwardedElement(element, "unknown", host, "http");
  http::TextArena arena;
  Check(http::ForwardedParameter(element, "for", arena) == "unknown");
  Check(http::ForwardedParameter(element, "HOST", arena) == host);
  Check(http::ForwardedParameter(element, "proto", arena) == "http");
  Check(!http::ForwardedParameter(element, "by", arena));
}

// Of a Forwarded that hawser made itself.
void CheckAgreement(const http::HeaderList& headers, http::TextArena& arena) {
  std::string_view list = *headers.Find("Forwarded");
  const std::string_view first = http::TakeElement(list);
  Check(http::ForwardedParameter(first, "proto", arena) == headers.Find("X-Forwarded-Proto"));
  Check(http::ForwardedParameter(first, "host", arena) == headers.Find("X-Forwarded-Host"));
}

void CheckFields(const http::RequestHead& head, bool forwarded_came, http::TextArena& arena) {
  const http::HeaderList& headers = head.headers;
  for (const char* name : {"X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Forwarded-Port",
                           "Forwarded", "X-Request-Id", "X-Real-IP", "Via"}) {
    Check(headers.Count(name) == 1);
    Check(!headers.Find(name)->empty());
  }
  const auto proto = headers.Find("X-Forwarded-Proto");
  Check(proto == "http" || proto == "https");
  Check(http::IsValidAuthority(*headers.Find("X-Forwarded-Host")));
  if (!forwarded_came) CheckAgreement(headers, arena);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::array<net::PeerBlock, 1> trusted = {*net::PeerBlock::Parse("10.0.0.0/8")};
  const http::Peer peer{.ip = *net::IpAddress::Parse("10.0.0.1"),
                        .trusted = true,
                        .port = "8080",
                        .trusted_proxies = trusted,
                        .send_real_ip = true};
  http::RequestHead head;
  head.authority = "example.com";
  bool forwarded_came = false;
  while (!text.empty()) {
    const std::string_view line = TakeLine(text);
    const size_t colon = std::min(line.find(':'), line.size());
    const std::string_view value = line.substr(std::min(colon + 1, line.size()));
    head.headers.Add(line.substr(0, colon), value);
    forwarded_came |= http::EqualsIgnoreCase(line.substr(0, colon), "Forwarded");
    CheckRoundTrip(value);
  }
  http::TextArena arena;
  std::mt19937_64 random(1);
  const http::Via via(1);
  const http::Forwarding result = http::SetForwarded(head, peer, via, random, arena);
  Check(result.client.has_value() && !result.request_id.empty());
  Check(via.IsIn(head.headers));
  CheckFields(head, forwarded_came, arena);
  return 0;
}
