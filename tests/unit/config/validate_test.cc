#include "config/validate.h"

#include <string>
#include <vector>

#include "config/load.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/config/files.h"

namespace hawser::config::validate_test {
namespace {

using ::testing::ContainsRegex;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

using Lines = std::vector<std::string>;

struct Result {
  Lines errors;
  Lines warnings;
};

Result Render(const Loaded& loaded) {
  Result result;
  for (const Diagnostic& one : loaded.errors) result.errors.push_back(config::Render(one));
  for (const Diagnostic& one : loaded.warnings) result.warnings.push_back(config::Render(one));
  return result;
}

Result Check(const std::string& text) {
  return Render(LoadText(text, "f.yaml", {.check_files = false}));
}

const std::string kListener =
    "listeners: [ { name: a, address: 127.0.0.1:1 }, { name: b, address: 127.0.0.1:2 } ]\n";
const std::string kClusters = "clusters: [ { name: c, endpoints: [ 127.0.0.1:3 ] } ]\n";

// Two listeners a and b, one cluster c; the routes begin in line 4.
Result CheckRoutes(const std::string& routes) {
  return Check(kListener + kClusters + "routes:\n" + routes);
}

// One cluster c, whose fields begin in line 5.
Result CheckCluster(const std::string& rest) {
  return Check(
      "listeners: [ { name: a, address: 127.0.0.1:1 } ]\nroutes: [ { match: {}, cluster: c } ]\nclusters:\n"
      "- name: c\n" +
      rest);
}

TEST(Validate, SuggestsTheNearestName) {
  const Result result = CheckRoutes(
      "- { match: {}, cluster: d, listeners: [ A1, zebra ] }\n"
      "- { match: { path: /x }, weighted_clusters: [ { name: c }, { name: x y } ] }\n");
  EXPECT_THAT(result.errors,
              ElementsAre("f.yaml:4:25: routes[0].cluster: no cluster is named \"d\"; did you mean \"c\"?",
                          "f.yaml:4:41: routes[0].listeners[0]: no listener is named \"A1\"; did you mean "
                          "\"a\"?",
                          "f.yaml:4:45: routes[0].listeners[1]: no listener is named \"zebra\"; expected "
                          "one of a, b",
                          HasSubstr("routes[1].weighted_clusters[1].name: \"x y\" is not a name")));
}

TEST(Validate, ABrokenNameDoesNotMakeReferencesWrongToo) {
  const Result result = Check(kListener +
                              "clusters: [ { nmae: c, endpoints: [ 127.0.0.1:3 ] } ]\n"
                              "routes: [ { match: {}, cluster: c } ]\n");
  EXPECT_THAT(result.errors, ElementsAre(HasSubstr("clusters[0].name: is missing"),
                                         HasSubstr("clusters[0].nmae: unknown key")));
}

TEST(Validate, NamesAndAddressesAreUsedOnce) {
  const Result result = Check(R"(admin: { address: 127.0.0.1:1 }
listeners:
- { name: a, address: 127.0.0.1:1 }
- { name: a, address: "[::1]:0" }
- { name: b, address: "[::1]:0" }
clusters:
- { name: c, endpoints: [ 127.0.0.1:3 ] }
- { name: c, endpoints: [ 127.0.0.1:4 ] }
routes:
- { match: { path: /1 }, cluster: c, name: one }
- { match: { path: /2 }, cluster: c, name: one }
)");
  EXPECT_THAT(
      result.errors,
      ElementsAre("f.yaml:3:23: listeners[0].address: 127.0.0.1:1 is used twice; the first is in line 1",
                  "f.yaml:4:11: listeners[1].name: \"a\" is used twice; the first is in line 3",
                  "f.yaml:8:11: clusters[1].name: \"c\" is used twice; the first is in line 7",
                  "f.yaml:11:44: routes[1].name: \"one\" is used twice; the first is in line 10"));
}

TEST(Validate, DevStdoutAsALogIsAWarning) {
  const auto check = [](const std::string& path) {
    return Check("access_log: { path: \"" + path + "\" }\n" + kListener + kClusters +
                 "routes: [ { match: {}, cluster: c } ]\n");
  };
  EXPECT_THAT(
      check("/dev/stdout").warnings,
      ElementsAre(
          "f.yaml:1:21: access_log.path: /dev/stdout cannot be opened under every supervisor; expected "
          "\"-\", which is stdout everywhere"));
  EXPECT_THAT(check("-").warnings, IsEmpty());
}

TEST(Validate, ADuplicateRouteIsOneOnTheSameListener) {
  const Result result = CheckRoutes(
      "- { match: { host: A.example, headers: [ { name: X, exact: \"1\" }, { name: Y, present: true } ] }, "
      "cluster: c }\n"
      "- { match: { headers: [ { name: y, present: true }, { name: x, exact: \"1\" } ], host: a.example }, "
      "cluster: c, "
      "listeners: [b] }\n");
  EXPECT_THAT(result.errors,
              ElementsAre("f.yaml:5:12: routes[1].match: duplicate route: the same match on the same "
                          "listener; \"a.example/*#bdf8d5db6a20\" comes first, in line 4"));
  EXPECT_THAT(CheckRoutes("- { match: { path: /a }, cluster: c, listeners: [a] }\n"
                          "- { match: { path: /a }, cluster: c, listeners: [b] }\n"
                          "- { match: { path_prefix: /a }, cluster: c }\n")
                  .errors,
              IsEmpty());
}

TEST(Validate, ARouteBehindOneThatTakesEverythingIsAWarning) {
  const Result result = CheckRoutes(
      "- { match: { path_prefix: / }, cluster: c, listeners: [a] }\n"
      "- { match: { path: /x }, cluster: c, listeners: [a] }\n"
      "- { match: { path: /y }, cluster: c }\n");
  EXPECT_THAT(result.errors, IsEmpty());
  EXPECT_THAT(
      result.warnings,
      ElementsAre("f.yaml:5:12: routes[1].match: no request takes this route: \"*/*#f32a42b169a4\" takes "
                  "them all, in line 4; expected it before that one"));
}

TEST(Validate, SomeWeightIsAboveZero) {
  EXPECT_THAT(
      CheckRoutes("- { match: {}, weighted_clusters: [ { name: c, weight: 0 } ] }\n").errors,
      ElementsAre("f.yaml:4:35: routes[0].weighted_clusters: every weight is 0; expected one above 0"));
}

TEST(Validate, AHeaderHasATokenForItsName) {
  EXPECT_THAT(
      CheckRoutes("- { match: { headers: [ { name: \"a b\", present: true } ] }, cluster: c }\n").errors,
      ElementsAre(
          "f.yaml:4:33: routes[0].match.headers[0].name: \"a b\" is not a token; expected the name of a "
          "header"));
}

TEST(Validate, TimersThatWorkAgainstEachOtherAreWarnings) {
  const Result result = CheckRoutes(
      "- match: {}\n  cluster: c\n  websocket:\n    keepalive: { interval: 20s, timeout: 30s }\n"
      "    idle_timeout: 10s\n");
  EXPECT_THAT(result.errors, IsEmpty());
  EXPECT_THAT(
      result.warnings,
      ElementsAre(
          "f.yaml:7:42: routes[0].websocket.keepalive.timeout: a pong may take longer than the interval "
          "of 20s; expected at most the interval",
          "f.yaml:8:19: routes[0].websocket.idle_timeout: tunnels end before the first ping, which "
          "comes after 20s; pings are not messages; expected more than keepalive.interval"));
  EXPECT_THAT(
      CheckRoutes(
          "- match: {}\n  cluster: c\n  websocket:\n    keepalive: { interval: 0 }\n    idle_timeout: 10s\n")
          .warnings,
      IsEmpty());
}

TEST(Validate, TheCodeForALostBackendMayBeSent) {
  const auto errors = [](const std::string& code) {
    return CheckRoutes("- match: {}\n  cluster: c\n  websocket: { backend_lost_code: " + code + " }\n")
        .errors;
  };
  for (const std::string code : {"0", "1001", "1011", "1014", "3000", "4999"}) {
    EXPECT_THAT(errors(code), IsEmpty()) << code;
  }
  for (const std::string code : {"1", "1000", "1005", "1006", "1010", "1015", "2999", "5000", "65537"}) {
    EXPECT_THAT(errors(code),
                ElementsAre("f.yaml:6:35: routes[0].websocket.backend_lost_code: \"" + code +
                            "\" is out of range; expected 0, 1001, 1011 to 1014, 3000 to 4999"));
  }
}

TEST(Validate, LimitsThatNeedFramesNeedInspection) {
  const std::string limits =
      "    validate_utf8: true\n    max_frame_bytes: 1\n    max_message_bytes: 1KiB\n"
      "    message_rate: { from_backend: { rate: 1/s } }\n    byte_rate: { from_client: { rate: 1KiB/s } }\n";
  for (const std::string inspection : {"strict", "lenient"}) {
    const Result result =
        CheckRoutes("- match: {}\n  cluster: c\n  websocket:\n    inspection: " + inspection + "\n" + limits);
    EXPECT_THAT(result.errors, IsEmpty());
  }
  const std::string off = "- match: {}\n  cluster: c\n  websocket:\n    inspection: off\n";
  const std::string what =
      " needs frames, and inspection: off does not look for them; expected inspection: strict or lenient";
  EXPECT_THAT(CheckRoutes(off + limits).errors,
              ElementsAre("f.yaml:8:20: routes[0].websocket.validate_utf8:" + what,
                          "f.yaml:9:22: routes[0].websocket.max_frame_bytes:" + what,
                          "f.yaml:10:24: routes[0].websocket.max_message_bytes:" + what,
                          "f.yaml:11:19: routes[0].websocket.message_rate:" + what));
  EXPECT_THAT(CheckRoutes(off + "    compression: offload\n").errors,
              ElementsAre("f.yaml:8:18: routes[0].websocket.compression:" + what));
  EXPECT_THAT(
      CheckRoutes(off + "    compression: strip\n    validate_utf8: false\n    max_frame_bytes: 0\n").errors,
      IsEmpty());
}

TEST(Validate, WhatHasNoEffectIsAWarning) {
  const Result result = Check(R"(admin: { address: 0.0.0.0:9 }
listeners:
- { name: a, address: 127.0.0.1:1 }
- { name: b, address: 127.0.0.1:2 }
clusters:
- { name: c, endpoints: [ 127.0.0.1:3 ], hash_policy: [ source_ip ] }
- { name: d, endpoints: [ 127.0.0.1:4 ] }
routes:
- { match: {}, cluster: c, listeners: [a] }
)");
  EXPECT_THAT(result.errors, IsEmpty());
  EXPECT_THAT(
      result.warnings,
      ElementsAre(
          "f.yaml:1:19: admin.address: the admin pages can be reached from other machines; expected a "
          "loopback address or a Unix socket",
          "f.yaml:4:11: listeners[1].name: listener \"b\" has no route: every request there is answered "
          "404; expected a route for it",
          "f.yaml:6:55: clusters[0].hash_policy: has no effect with this lb_policy; expected ring_hash "
          "or maglev",
          "f.yaml:7:11: clusters[1].name: cluster \"d\" is never used; expected a route to it"));
}

TEST(Validate, OnlyASocketWithAPathHasAMode) {
  const auto warnings = [](const std::string& address) {
    return Check("listeners: [ { name: a, address: \"" + address + "\", mode: \"0660\" } ]\n" + kClusters +
                 "routes: [ { match: {}, cluster: c } ]\n")
        .warnings;
  };
  EXPECT_THAT(warnings("unix:/run/a.sock"), IsEmpty());
  EXPECT_THAT(warnings("127.0.0.1:1"),
              ElementsAre("f.yaml:1:55: listeners[0].mode: has no effect: 127.0.0.1:1 has no file"));
  EXPECT_THAT(warnings("unix:@a"), ElementsAre(HasSubstr("unix:@a has no file")));
}

TEST(Validate, EndpointsHaveAPortAndStandOnce) {
  EXPECT_THAT(
      CheckCluster("  endpoints: [ 127.0.0.1:0, 127.0.0.1:2, { address: 127.0.0.1:2 } ]\n").errors,
      ElementsAre(
          "f.yaml:5:16: clusters[0].endpoints[0]: 127.0.0.1:0 has port 0; expected the backend's port",
          "f.yaml:5:53: clusters[0].endpoints[2].address: 127.0.0.1:2 is listed twice in this cluster; "
          "expected it once, with a weight"));
}

TEST(Validate, CookiesThatBrowsersDropAreErrors) {
  const std::string key = "keys: [ \"0123456789abcdef0123456789abcdef\" ]";
  const auto errors = [&](const std::string& cookie) {
    return CheckCluster("  endpoints: [ 127.0.0.1:2 ]\n  affinity: { cookie: { " + cookie + ", " + key +
                        " } }\n")
        .errors;
  };
  EXPECT_THAT(
      errors("same_site: None"),
      ElementsAre(
          "f.yaml:6:36: clusters[0].affinity.cookie.same_site: SameSite=None without Secure is refused by "
          "browsers; expected secure: true, as not every listener has TLS"));
  EXPECT_THAT(errors("same_site: None, secure: false"), ElementsAre(HasSubstr("; expected secure: true")));
  EXPECT_THAT(errors("same_site: None, secure: true"), IsEmpty());
  EXPECT_THAT(errors("name: __Host-a, path: /x, secure: true"),
              ElementsAre(HasSubstr("with another path than /")));
  EXPECT_THAT(errors("name: __Secure-a"), ElementsAre(HasSubstr("\"__Secure-a\" without Secure")));
  EXPECT_THAT(errors("name: \"a b\""),
              ElementsAre(HasSubstr("affinity.cookie.name: \"a b\" is not a token")));
  EXPECT_THAT(errors("path: x"), ElementsAre(HasSubstr("affinity.cookie.path: \"x\" is not a path")));
}

TEST(Validate, ACookieNeedsItsKeys) {
  EXPECT_THAT(CheckCluster("  endpoints: [ 127.0.0.1:2 ]\n  affinity: { cookie: { name: a } }\n").errors,
              ElementsAre("f.yaml:6:23: clusters[0].affinity.cookie: a key is missing; expected one of keys, "
                          "keys_file"));
}

// A folder with a right certificate and key, and a configuration beside them.
class Files : public testing::Test {
 protected:
  void SetUp() override {
    folder_.Write("a.crt", CertificatePem(key_));
    folder_.Write("a.key", KeyPem(key_));
  }

  Result LoadTls(const std::string& certificate, const std::string& key, const std::string& more = "") {
    return Render(
        Load(folder_.Write("f.yaml",
                           "clusters: [ { name: c, endpoints: [ 127.0.0.1:3 ] } ]\n"
                           "routes: [ { match: {}, cluster: c } ]\n"
                           "listeners:\n- name: a\n  address: 127.0.0.1:1\n  tls:\n    certificates:\n"
                           "    - certificate: " +
                               certificate + "\n      private_key: " + key + "\n" + more)));
  }
  Result LoadKeys(const std::string& text) {
    folder_.Write("keys", text);
    return Render(Load(WithKeysFile()));
  }
  std::string WithKeysFile() {
    return folder_.Write("f.yaml", kListener +
                                       "routes: [ { match: {}, cluster: c } ]\nclusters:\n- name: c\n"
                                       "  endpoints: [ 127.0.0.1:3 ]\n"
                                       "  affinity: { cookie: { keys_file: keys } }\n");
  }
  std::string Path(std::string_view name) const { return folder_ / name; }

  Folder folder_;
  const Key256 key_ = MakeKey();
};

TEST_F(Files, ACertificateWithItsKeyIsRight) {
  const Result result = LoadTls("a.crt", "a.key");
  EXPECT_THAT(result.errors, IsEmpty());
  EXPECT_THAT(result.warnings, IsEmpty());
}

TEST_F(Files, BothMissingFilesAreReported) {
  EXPECT_THAT(
      LoadTls("x.crt", "x.key").errors,
      ElementsAre(Path("f.yaml") + ":8:20: listeners[0].tls.certificates[0].certificate: " + Path("x.crt") +
                      " cannot be read: No such file or directory; expected a PEM certificate",
                  Path("f.yaml") + ":9:20: listeners[0].tls.certificates[0].private_key: " + Path("x.key") +
                      " cannot be read: No such file or directory; expected its PEM private key"));
}

TEST_F(Files, AKeyOfAnotherCertificateIsAnError) {
  folder_.Write("b.key", KeyPem(MakeKey()));
  EXPECT_THAT(LoadTls("a.crt", "b.key").errors,
              ElementsAre(HasSubstr(Path("b.key") + " is not the key of " + Path("a.crt"))));
}

TEST_F(Files, TheLeafComesFirst) {
  folder_.Write("chain.crt", CertificatePem(MakeKey()) + CertificatePem(key_));
  EXPECT_THAT(LoadTls("chain.crt", "a.key").errors,
              ElementsAre(HasSubstr(Path("a.key") + " belongs to certificate 2 of " + Path("chain.crt") +
                                    ", which must come first")));
}

TEST_F(Files, FilesThatAreNoPemAreErrors) {
  folder_.Write("empty", "");
  folder_.Write("broken.crt",
                CertificatePem(key_) + "-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n");
  folder_.Write("locked.key", KeyPem(key_, "password"));
  EXPECT_THAT(LoadTls("empty", "empty").errors,
              ElementsAre(HasSubstr(" holds no certificate"), HasSubstr(" holds no private key")));
  EXPECT_THAT(
      LoadTls("broken.crt", "locked.key").errors,
      ElementsAre(HasSubstr("broken.crt: certificate 2 is broken"), HasSubstr("locked.key is encrypted")));
}

TEST_F(Files, DatesAreWarnings) {
  folder_.Write("old.crt", CertificatePem(key_, -7200, -3600));
  folder_.Write("new.crt", CertificatePem(key_, 3600, 90 * kDay));
  EXPECT_THAT(LoadTls("old.crt", "a.key").warnings, ElementsAre(HasSubstr("old.crt expired on ")));
  EXPECT_THAT(LoadTls("new.crt", "a.key").warnings, ElementsAre(HasSubstr("new.crt is not valid before ")));
  EXPECT_THAT(LoadTls("old.crt", "a.key").errors, IsEmpty());
}

TEST_F(Files, ACertificateThatEndsWithin30DaysIsAWarning) {
  const auto warnings = [&](long end) {
    folder_.Write("soon.crt", CertificatePem(key_, -60, end));
    return LoadTls("soon.crt", "a.key").warnings;
  };
  EXPECT_THAT(warnings(31 * kDay), IsEmpty());
  EXPECT_THAT(warnings(30 * kDay - 60),
              ElementsAre(ContainsRegex("f.yaml:8:20: listeners.0..tls.certificates.0..certificate: "
                                        ".*soon.crt ends on [A-Z][a-z][a-z] .* GMT, in 29 days$")));
  EXPECT_THAT(warnings(kDay + 60), ElementsAre(HasSubstr(" GMT, in 1 day")));
  EXPECT_THAT(warnings(3600), ElementsAre(HasSubstr(" GMT, in less than a day")));
}

TEST_F(Files, AChainThatDoesNotLinkIsAWarning) {
  const Key256 root = MakeKey();
  const Key256 middle = MakeKey();
  const std::string leaf = SignedPem(key_, middle, {.issuer = "middle"});
  const std::string signer = SignedPem(middle, root, {.subject = "middle", .issuer = "root"});
  const std::string anchor = SignedPem(root, root, {.subject = "root", .issuer = "root"});
  const std::string namesake = SignedPem(MakeKey(), root, {.subject = "middle", .issuer = "root"});
  const std::string old = SignedPem(middle, root, {.subject = "middle", .issuer = "root", .end = -1});
  const auto warnings = [&](const std::string& chain) {
    folder_.Write("chain.crt", chain);
    const Result result = LoadTls("chain.crt", "a.key");
    EXPECT_THAT(result.errors, IsEmpty());
    return result.warnings;
  };
  EXPECT_THAT(warnings(leaf), IsEmpty());
  EXPECT_THAT(warnings(leaf + signer), IsEmpty());
  EXPECT_THAT(warnings(leaf + signer + anchor), IsEmpty());
  EXPECT_THAT(
      warnings(leaf + anchor),
      ElementsAre(HasSubstr("certificate 2 of " + Path("chain.crt") +
                            " did not sign certificate 1; expected each certificate to be signed by the one "
                            "behind it")));
  EXPECT_THAT(warnings(leaf + namesake), ElementsAre(HasSubstr(" did not sign certificate 1; ")));
  EXPECT_THAT(warnings(leaf + anchor + signer),
              ElementsAre(HasSubstr("certificate 2 of "), HasSubstr("certificate 3 of ")));
  EXPECT_THAT(warnings(leaf + old),
              ElementsAre(HasSubstr("certificate 2 of " + Path("chain.crt") + " expired on ")));
}

TEST_F(Files, TheCertificateForBackendsAndTheirAuthoritiesAreLookedAtToo) {
  folder_.Write("soon.crt", CertificatePem(key_, -60, kDay + 60));
  folder_.Write("old.crt", CertificatePem(key_, -7200, -3600));
  folder_.Write("both.crt", CertificatePem(key_, -7200, -3600) + CertificatePem(key_));
  const auto warnings = [&](const std::string& tls) {
    return Render(Load(folder_.Write("f.yaml",
                                     kListener +
                                         "routes: [ { match: {}, cluster: c } ]\nclusters:\n- name: c\n"
                                         "  endpoints: [ 127.0.0.1:3 ]\n  tls: { " +
                                         tls + " }\n")))
        .warnings;
  };
  EXPECT_THAT(warnings("certificate: soon.crt, private_key: a.key, server_name: c.test"),
              ElementsAre(HasSubstr("clusters[0].tls.certificate: " + Path("soon.crt") + " ends on ")));
  EXPECT_THAT(warnings("ca_file: old.crt"),
              ElementsAre(HasSubstr("old.crt holds no certificate that is valid today")));
  EXPECT_THAT(warnings("ca_file: both.crt"), IsEmpty());
}

TEST_F(Files, TlsVersionsAndCiphersAreChecked) {
  EXPECT_THAT(
      LoadTls("a.crt", "a.key",
              "    min_version: TLSv1.3\n    max_version: TLSv1.2\n    ciphers: NO-SUCH\n"
              "  limits: { over_limit: respond }\n")
          .errors,
      ElementsAre(
          HasSubstr(":11:18: listeners[0].tls.max_version: min_version is above max_version"),
          HasSubstr(":12:14: listeners[0].tls.ciphers: \"NO-SUCH\" names no cipher; expected a TLS 1.2 "
                    "cipher list of OpenSSL")));
  EXPECT_THAT(LoadTls("a.crt", "a.key", "  limits: { over_limit: respond }\n").warnings,
              ElementsAre(HasSubstr("listeners[0].limits.over_limit: has no effect where TLS is on")));
}

TEST_F(Files, KeysAreReadFromTheirFile) {
  folder_.Write("keys",
                "# rotated\n\n  first-0123456789abcdef0123456789 \r\nsecond-0123456789abcdef0123456789");
  const Loaded loaded = Load(WithKeysFile());
  ASSERT_TRUE(loaded.ok()) << Render(loaded).errors[0];
  const AffinityCookie& cookie = *loaded.config->clusters[0].affinity->cookie;
  EXPECT_EQ(cookie.keys_file, Path("keys"));
  EXPECT_THAT(cookie.keys, ElementsAre(Secret{"first-0123456789abcdef0123456789"},
                                       Secret{"second-0123456789abcdef0123456789"}));
}

TEST_F(Files, AByteOrderMarkInFrontOfTheKeysIsNoPartOfOne) {
  folder_.Write("keys",
                "\xef\xbb\xbf"
                "first-0123456789abcdef0123456789\n");
  const Loaded loaded = Load(WithKeysFile());
  ASSERT_TRUE(loaded.ok()) << Render(loaded).errors[0];
  EXPECT_THAT(loaded.config->clusters[0].affinity->cookie->keys,
              ElementsAre(Secret{"first-0123456789abcdef0123456789"}));
  EXPECT_THAT(LoadKeys("\xef\xbb\xbf# none\n").errors, ElementsAre(HasSubstr("keys holds no key")));
}

TEST_F(Files, AByteOrderMarkInAPemFileIsAnError) {
  folder_.Write("marked.crt", "\xef\xbb\xbf" + CertificatePem(key_));
  EXPECT_THAT(LoadTls("marked.crt", "a.key").errors,
              ElementsAre(HasSubstr("marked.crt begins with a byte order mark; expected a PEM certificate")));
}

TEST_F(Files, AnUnusableKeysFileIsAnError) {
  EXPECT_THAT(LoadKeys("0123456789abcdef0123456789abcdef\nhunter2\n").errors,
              ElementsAre(Path("f.yaml") + ":6:36: clusters[0].affinity.cookie.keys_file: " + Path("keys") +
                          " line 2 has 7 bytes; expected one key of at least 32 bytes in each line"));
  EXPECT_THAT(LoadKeys("# none\n").errors, ElementsAre(HasSubstr("keys holds no key")));
}

TEST(Validate, ABackendsCertificateAndKeyGoTogether) {
  const Result result = CheckCluster("  tls: { certificate: a.crt }\n  endpoints: [ 127.0.0.1:3 ]\n");
  EXPECT_THAT(
      result.errors,
      ElementsAre("f.yaml:5:23: clusters[0].tls.certificate: certificate and private_key go together; "
                  "expected both or none"));
}

TEST(Validate, AuthoritiesThatCannotBeReadAreReported) {
  const Result result = Render(LoadText(
      "listeners: [ { name: a, address: 127.0.0.1:1 } ]\nroutes: [ { match: {}, cluster: c } ]\nclusters:\n"
      "- name: c\n  tls: { ca_file: /nowhere/ca.pem }\n  endpoints: [ 127.0.0.1:3 ]\n",
      "f.yaml"));
  EXPECT_THAT(result.errors,
              ElementsAre(HasSubstr("f.yaml:5:19: clusters[0].tls.ca_file: /nowhere/ca.pem cannot be")));
}

TEST(Validate, OneCookieOfTwoClustersIsAWarning) {
  const auto warnings = [](const std::string& first, const std::string& second) {
    const std::string keys = "keys: [ 0123456789abcdef0123456789abcdef ]";
    return Check(
               "listeners: [ { name: a, address: 127.0.0.1:1 } ]\nroutes: [ { match: {}, weighted_clusters: "
               "[ { name: c }, { name: d } ] } ]\n"
               "clusters:\n- { name: c, endpoints: [ 127.0.0.1:3 ], affinity: { cookie: { " +
               first + keys + " } } }\n- { name: d, endpoints: [ 127.0.0.1:3 ], affinity: { cookie: { " +
               second + keys + " } } }\n")
        .warnings;
  };
  EXPECT_THAT(
      warnings("name: moor, ", "name: moor, "),
      ElementsAre("f.yaml:5:70: clusters[1].affinity.cookie.name: \"moor\" is the cookie of cluster \"c\" "
                  "too, in line 4: on one host each overwrites the other; expected another name or path"));
  EXPECT_THAT(warnings("name: moor, ", "name: bollard, "), IsEmpty());
  EXPECT_THAT(warnings("name: moor, path: /c, ", "name: moor, path: /d, "), IsEmpty());
  EXPECT_THAT(warnings("", ""), IsEmpty());
}

}  // namespace
}  // namespace hawser::config::validate_test
