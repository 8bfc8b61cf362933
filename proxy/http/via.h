// Via (RFC 9110 §7.6.3): the entry that hawser adds to each request that it passes on, by which it
// recognizes a request that has come back. Every process has its own name, random at its start, so that
// several hawsers in a row are no loop.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "proxy/http/head.h"

namespace hawser::http {

class Via {
 public:
  // Named "hawser-" and the number as eight hexadecimal digits.
  explicit Via(uint32_t number);
  static Via Random();

  // For a message that was received in `version`: "1.1 hawser-5f3a9c01".
  std::string_view EntryFor(Version version) const { return entries_[static_cast<size_t>(version)]; }

  // Whether the message has passed through this process before. Without a Via field it only compares field
  // names.
  bool IsIn(const HeaderList& headers) const;

 private:
  std::string name_;
  std::array<std::string, 3> entries_;  // by version
};

}  // namespace hawser::http
