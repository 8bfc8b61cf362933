#include "proxy/http1/request_target.h"

#include <algorithm>
#include <memory>
#include <string>

#include "proxy/http/characters.h"

namespace hawser::http1 {
namespace {

using http::Reject;

// The scheme of an absolute-form target, as a constant, and the length of its "scheme://"; 0 if it has
// neither.
size_t ReadScheme(std::string_view target, std::string_view& scheme) {
  for (const std::string_view prefix : {"http://", "https://"}) {
    if (!http::EqualsIgnoreCase(target.substr(0, prefix.size()), prefix)) continue;
    scheme = prefix.substr(0, prefix.size() - 3);
    return prefix.size();
  }
  return 0;
}

Reject ResolveAbsolute(std::string_view target, http::RequestHead& head) {
  const size_t begin = ReadScheme(target, head.scheme);
  if (begin == 0) return Reject::kMalformedRequest;
  const size_t end = std::min(target.find_first_of("/?", begin), target.size());
  head.authority = target.substr(begin, end - begin);
  if (!http::IsValidAuthority(head.authority)) return Reject::kBadHost;
  head.target = target.substr(end);
  if (head.target.empty()) head.target = head.method == "OPTIONS" ? "*" : "/";  // RFC 9112 §3.2.4
  if (head.target[0] == '?') {  // no bytes hold the path that it lacks (RFC 9110 §4.2.3)
    head.target_text = std::make_shared<const std::string>("/" + std::string(head.target));
    head.target = *head.target_text;
  }
  return Reject::kNone;
}

}  // namespace

Reject ResolveTarget(std::string_view target, http::RequestHead& head) {
  head.scheme = head.authority = {};
  head.target_text = nullptr;
  if (target.empty() || !http::AllAre(target, http::kTargetCharacter)) return Reject::kMalformedRequest;
  if (head.method == "CONNECT") return Reject::kMethodNotAllowed;
  head.target = target;
  if (target[0] == '/') return Reject::kNone;
  if (target == "*") return head.method == "OPTIONS" ? Reject::kNone : Reject::kMalformedRequest;
  return ResolveAbsolute(target, head);
}

Reject ResolveHost(http::RequestHead& head) {
  const bool absolute = !head.authority.empty();
  const size_t count = head.headers.Count("Host");
  if (count == 0) return head.version == http::Version::kHttp10 ? Reject::kNone : Reject::kBadHost;
  if (count > 1) return Reject::kBadHost;
  const std::string_view host = *head.headers.Find("Host");
  if (!http::IsValidAuthority(host) && !(absolute && host.empty())) return Reject::kBadHost;
  if (absolute) {
    head.headers.Set("Host", head.authority);
  } else {
    head.authority = host;
  }
  return Reject::kNone;
}

}  // namespace hawser::http1
