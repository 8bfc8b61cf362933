#include "config/affinity.h"

#include "config/describe.h"

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

}  // namespace hawser::config
