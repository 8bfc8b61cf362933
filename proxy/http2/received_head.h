// A header block as it comes out of the HPACK decoder, field by field, and the head that it makes (RFC 9113
// §8.2, §8.3). nghttp2 has checked what every head must be: the order, number and presence of pseudo-header
// fields, lower-case names, legal characters, no connection-specific fields. What matters to a proxy only is
// checked here.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/http/head.h"
#include "proxy/http/reject.h"
#include "proxy/http2/settings.h"

namespace hawser::http2 {

class ReceivedHead {
 public:
  explicit ReceivedHead(const HeadLimits& limits) : limits_(limits) {}

  // Keeps the field, or only counts it once a limit is passed. False: the head is a bomb, several times as
  // large as the limit.
  [[nodiscard]] bool Add(std::string_view name, std::string_view value);

  // The views live as long as this object. Not Reject::kNone: the request must be refused, and `head` holds
  // the fields that could be read.
  http::Reject ReadRequest(http::RequestHead& head) const;
  // False: too large, or without a status that HTTP knows.
  [[nodiscard]] bool ReadResponse(http::ResponseHead& head) const;
  // Without the fields that must not be trailers.
  [[nodiscard]] bool ReadTrailers(http::HeaderList& trailers) const;

  // Nothing follows this head (END_STREAM).
  void SetEndsMessage() { ends_message_ = true; }
  bool ends_message() const { return ends_message_; }

  int status() const;  // 0: none
  bool over_limit() const { return over_ != http::Reject::kNone; }
  size_t bytes() const { return text_.size(); }  // held
  // As the limit counts it, and this object.
  size_t size() const { return bytes_ + sizeof *this; }

 private:
  struct Field {
    uint32_t name = 0;  // ends in text_; each begins where the one before it ended
    uint32_t value = 0;
  };

  template <typename Visit>
  void ForEach(Visit visit) const;

  const HeadLimits& limits_;
  uint64_t bytes_ = 0;
  uint32_t count_ = 0;
  http::Reject over_ = http::Reject::kNone;
  bool ends_message_ = false;
  std::string text_;
  std::vector<Field> fields_;
};

}  // namespace hawser::http2
