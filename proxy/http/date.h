// The Date field (RFC 9110 §6.6.1). Its text is made once a second, not once a message.
#pragma once

#include <array>
#include <ctime>
#include <optional>
#include <string_view>

#include "proxy/http/head.h"

namespace hawser::http {

// Keeps the text of the last second that it was asked for.
class DateText {
 public:
  // IMF-fixdate (RFC 9110 §5.6.7): "Sun, 06 Nov 1994 08:49:37 GMT". The view lives as long as this object;
  // what it shows changes when another second is asked for.
  std::string_view At(std::time_t time);

 private:
  std::optional<std::time_t> second_;
  std::array<char, 29> text_{};
};

// The date of now, as the wall clock has it. Each thread has a text of its own, for as long as it runs.
std::string_view DateNow();

// Adds a Date to a response that has none, as a proxy must: the time at which it came (RFC 9110 §6.6.1).
void AddDate(HeaderList& headers);

}  // namespace hawser::http
