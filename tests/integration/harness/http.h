// HTTP/1.1 as the tests need it: heads taken apart without judging them, and the two sides of a WebSocket
// handshake.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/integration/harness/wire.h"

namespace hawser::integration {

// The sample key of RFC 6455 §1.3, and what it must be answered with.
inline constexpr std::string_view kSampleKey = "dGhlIHNhbXBsZSBub25jZQ==";
inline constexpr std::string_view kSampleAccept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

struct Head {
  std::string raw;         // all of it, with the empty line
  std::string first_line;  // without the line end
  std::vector<std::pair<std::string, std::string>> fields;

  bool complete() const { return raw.ends_with("\r\n\r\n"); }
  int status() const;  // 0 where there is none
  std::string method() const;
  std::string target() const;
  std::vector<std::string> All(std::string_view name) const;
  std::string Value(
      std::string_view name) const;  // the only one; "" if there is none, and a failure if there are more
  bool Has(std::string_view name) const { return !All(name).empty(); }
};

Head ParseHead(std::string raw);
// One head, or what came of it before the end.
Head ReadHead(Wire& wire);
// The body that belongs to a response head: by Content-Length, chunked (decoded), or up to the end.
std::string ReadBody(Wire& wire, const Head& head);

using Fields = std::vector<std::pair<std::string, std::string>>;

struct Request {
  std::string method = "GET";
  std::string target = "/";
  std::string version = "HTTP/1.1";
  std::string host = "hawser.test";  // no Host field, if empty
  std::string connection = "Upgrade";
  std::string upgrade = "websocket";
  std::string key{kSampleKey};
  std::string ws_version = "13";
  Fields more = {};  // in this order, after the others; fields above are left out if empty

  std::string Text() const;
};

// A plain GET, nothing of an upgrade in it.
std::string PlainGet(std::string_view target, const Fields& more = {});
// The same to the admin listener, which refuses hosts that it does not know.
std::string AdminGet(std::string_view target, const Fields& more = {});

std::string AcceptFor(std::string_view key);
// The 101 that answers `request`.
std::string SwitchingProtocols(const Head& request, const Fields& more = {});
std::string Response(std::string_view status_line, std::string_view body, const Fields& more = {});

}  // namespace hawser::integration
