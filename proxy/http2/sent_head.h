// A head as nghttp2 takes it: name-value pairs with lower-case names, pseudo-header fields first (RFC 9113
// §8.2, §8.3). Connection-specific fields are always left out. A head with a field that HTTP cannot carry is
// not sent.
#pragma once

#include <nghttp2/nghttp2.h>

#include <string>
#include <string_view>
#include <vector>

#include "proxy/http/head.h"

namespace hawser::http2 {

class SentHead {
 public:
  // Each is called once, on an object of its own. False: it cannot be sent.
  // `websocket`: as an extended CONNECT (RFC 8441 §4). `scheme` is for a head that names none.
  [[nodiscard]] bool SetRequest(const http::RequestHead& head, bool websocket, std::string_view scheme);
  [[nodiscard]] bool SetResponse(int status, const http::HeaderList& headers);
  [[nodiscard]] bool SetTrailers(const http::HeaderList& trailers);

  const nghttp2_nv* fields() const { return fields_.data(); }
  size_t count() const { return fields_.size(); }

 private:
  void AddPseudo(std::string_view name, std::string_view value);
  bool AddAll(const http::HeaderList& headers);
  void Reserve(const http::HeaderList& headers);

  std::string names_;  // in lower case; reserved before views into it are taken
  std::string status_;
  std::vector<nghttp2_nv> fields_;  // views into the heads that were set, and into the two above
};

}  // namespace hawser::http2
