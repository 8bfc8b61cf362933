// The `origin` filter, against cross-site WebSocket hijacking: a browser lets any page open a WebSocket to
// any host and sends the user's cookies along, but it names the page's origin (RFC 6454) truthfully. Requests
// from origins that are not on the list are refused, be they handshakes or not.
//
// An entry of the list is an origin ("https://app.example.com"; ":443" makes no difference), all subdomains
// of one ("https://*.example.com", not example.com itself), "same-host", or "null". An Origin that is
// malformed, or given twice, is refused.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "config/schema.h"
#include "filters/filter.h"

namespace hawser::filters {

class Origin final : public Filter {
 public:
  // Fails on an entry that is none of the four.
  static absl::StatusOr<std::unique_ptr<const Filter>> Create(const config::OriginFilter& settings);

  Verdict OnRequest(Context& context) const override;

 private:
  struct Pattern {
    std::string scheme;
    std::string host;  // ".example.com" for a wildcard
    int port;
  };

  bool Add(std::string_view entry);
  bool Allows(std::string_view origin, const Context& context) const;

  std::vector<Pattern> patterns_;
  bool same_host_ = false;
  bool null_ = false;
  bool missing_ = true;
};

}  // namespace hawser::filters
