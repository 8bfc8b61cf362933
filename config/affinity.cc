#include "config/affinity.h"

#include <string>
#include <utility>

#include "config/checks.h"
#include "config/describe.h"
#include "config/keys_file.h"
#include "fmt/format.h"

namespace hawser::config {

template <>
struct Names<SameSite> {
  static constexpr Name<SameSite> kTable[] = {
      {"Lax", SameSite::kLax}, {"Strict", SameSite::kStrict}, {"None", SameSite::kNone}};
};

void Describe(Description& d, const AffinityCookie& cookie) {
  d.Field({"name",
           "Name of the cookie. Two clusters that browsers reach on one host need two names, or two paths.",
           "`hawser-` and eight hexadecimal digits of a hash of the cluster's name"},
          cookie.name, {Form::kToken});
  d.Field({"ttl", "How long a browser keeps the cookie (Max-Age). `0`: until the browser ends."}, cookie.ttl,
          {0s, kLongestCookie});
  d.Field({"path", "Path attribute of the cookie: browsers send it with requests below this path."},
          cookie.path, {Form::kCookiePath});
  d.Field({"secure", "Secure attribute of the cookie: browsers send it over TLS only.",
           "on if the client came over TLS, to hawser or to a trusted proxy"},
          cookie.secure);
  d.Field({"http_only", "HttpOnly attribute of the cookie: scripts cannot read it."}, cookie.http_only);
  d.Field({"same_site",
           "SameSite attribute of the cookie. `None` (pages of other sites open your WebSockets) needs "
           "`secure`."},
          cookie.same_site);
  d.Field({"keys",
           "Secrets that sign the cookie, so that a client can neither read an address from it nor choose "
           "one. The first signs; all verify. To rotate, put a new key in front. Several hawsers with the "
           "same keys accept each other's cookies."},
          cookie.keys, {.min_items = 1, .each = {32}});
  d.Field({"keys_file", "File with one key in each line, instead of `keys`.", "none"}, cookie.keys_file,
          {{Form::kFile}});
  d.ExactlyOneOf({"keys", "keys_file"});
}

void Describe(Description& d, const Affinity& affinity) {
  d.Field({"cookie",
           "A signed cookie that brings a client back to its endpoint. hawser sets it on the 101 and on "
           "relayed responses. A cookie that is forged or expired, or whose endpoint is gone, is ignored and "
           "replaced: `lb_policy` picks another endpoint. A response that a shared cache may keep "
           "(`Cache-Control: public` or `s-maxage`) gets no cookie."},
          affinity.cookie);
  d.ExactlyOneOf({"cookie"});
}

namespace {

// Browsers drop a cookie that breaks these rules, and affinity with it.
void CheckCookieAttributes(const AffinityCookie& cookie, bool all_tls, const Checks& checks) {
  if (!checks.Sound(cookie)) return;
  const bool secure = cookie.secure.value_or(all_tls);
  const std::string expected =
      cookie.secure ? "expected secure: true" : "expected secure: true, as not every listener has TLS";
  if (cookie.same_site == SameSite::kNone && !secure && checks.Given(cookie.same_site)) {
    checks.Error(cookie.same_site, "SameSite=None without Secure is refused by browsers", expected);
  }
  const bool host_prefix = cookie.name.starts_with("__Host-");
  if ((host_prefix || cookie.name.starts_with("__Secure-")) && !secure) {
    checks.Error(cookie.name, Quote(cookie.name) + " without Secure is refused by browsers", expected);
  }
  if (host_prefix && cookie.path != "/") {
    checks.Error(cookie.name, Quote(cookie.name) + " with another path than / is refused by browsers",
                 "expected path: /");
  }
}

void ReadKeysFile(AffinityCookie& cookie, const Checks& checks) {
  if (!cookie.keys_file || !checks.files || !checks.Given(*cookie.keys_file)) return;
  auto keys = ReadKeys(*cookie.keys_file);
  if (keys.ok()) {
    cookie.keys = *std::move(keys);
    return;
  }
  const auto message = keys.status().message();
  checks.Error(*cookie.keys_file,
               fmt::format("{} {}", *cookie.keys_file, std::string(message.data(), message.size())),
               fmt::format("expected one key of at least {} bytes in each line", kShortestKey));
}

}  // namespace

void CheckAffinity(Affinity& affinity, bool all_tls, const Checks& checks) {
  if (!affinity.cookie) return;
  CheckCookieAttributes(*affinity.cookie, all_tls, checks);
  ReadKeysFile(*affinity.cookie, checks);
}

}  // namespace hawser::config
