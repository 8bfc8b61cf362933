#include "proxy/http/upgrade.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <memory>
#include <optional>

#include <openssl/evp.h>
#include <openssl/rand.h>

#include "proxy/http/characters.h"

namespace hawser::http {
namespace {

constexpr std::string_view kWebSocket = "websocket";
constexpr std::string_view kGuid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

bool Contains(const std::vector<std::string_view>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

bool HasWebSocketFields(const HeaderList& headers) {
  constexpr std::string_view kPrefix = "Sec-WebSocket-";
  return std::any_of(headers.begin(), headers.end(), [&](const Header& header) {
    return EqualsIgnoreCase(header.name.substr(0, kPrefix.size()), kPrefix);
  });
}

// The only value of that name; none if there is no field or more than one.
std::optional<std::string_view> Single(const HeaderList& headers, std::string_view name) {
  std::optional<std::string_view> only;
  for (const Header& header : headers) {
    if (!EqualsIgnoreCase(header.name, name)) continue;
    if (only) return std::nullopt;
    only = header.value;
  }
  return only;
}

bool HasBody(const HeaderList& headers) {
  if (headers.Count("Transfer-Encoding") > 0) return true;
  const size_t lengths = headers.Count("Content-Length");
  return lengths > 0 && Single(headers, "Content-Length") != "0";
}

// 22 characters carry 132 bits for the 128 of the key: the last one's four low bits must be zero.
bool IsKey(std::string_view key) {
  const auto digit = [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || Is(c, kDigit) || c == '+' || c == '/';
  };
  return key.size() == 24 && key.ends_with("==") && std::all_of(key.begin(), key.end() - 2, digit) &&
         characters::Among(key[21], "AQgw");
}

// Reads the names in every field `field`, a list of "name; parameter..."; false if one is no token.
bool ReadNames(const HeaderList& headers, std::string_view field, std::vector<std::string_view>& names) {
  for (const Header& header : headers) {
    if (!EqualsIgnoreCase(header.name, field)) continue;
    std::string_view list = header.value;
    for (auto element = TakeElement(list); !element.empty(); element = TakeElement(list)) {
      const std::string_view name = TrimWhitespace(element.substr(0, element.find(';')));
      if (!IsToken(name)) return false;
      names.push_back(name);
    }
  }
  return true;
}

bool HasDuplicates(std::vector<std::string_view> names) {
  std::sort(names.begin(), names.end());
  return std::adjacent_find(names.begin(), names.end()) != names.end();
}

// Subprotocols are bare tokens, each once (RFC 6455 §4.1); an extension may be offered more than once, with
// different parameters.
bool ReadOffers(const HeaderList& headers, UpgradeRequest& upgrade) {
  return ReadNames(headers, "Sec-WebSocket-Protocol", upgrade.subprotocols) &&
         !HasDuplicates(upgrade.subprotocols) &&
         ReadNames(headers, "Sec-WebSocket-Extensions", upgrade.extensions);
}

Reject CheckHandshake(const RequestHead& head, UpgradeRequest& upgrade) {
  if (head.method != "GET") return Reject::kMethodNotAllowed;
  if (head.version != Version::kHttp11) return Reject::kBadUpgrade;
  if (head.headers.Count("Host") != 1) return Reject::kBadHost;
  if (HasBody(head.headers)) return Reject::kUpgradeWithBody;
  if (Single(head.headers, "Sec-WebSocket-Version") != "13") return Reject::kBadWebSocketVersion;
  const auto key = Single(head.headers, "Sec-WebSocket-Key");
  if (!key || !IsKey(*key)) return Reject::kBadWebSocketKey;
  if (!ReadOffers(head.headers, upgrade)) return Reject::kBadUpgrade;
  upgrade.key = *key;
  return Reject::kNone;
}

// RFC 8441 §5: no Upgrade, Connection or key; the rest as in RFC 6455. The DATA frames that follow are the
// tunnel.
Reject CheckExtendedConnect(const RequestHead& head, UpgradeRequest& upgrade) {
  if (head.method != "CONNECT") return Reject::kMethodNotAllowed;
  if (head.protocol != kWebSocket) return Reject::kBadUpgrade;
  upgrade.websocket = true;
  if (head.authority.empty()) return Reject::kBadHost;
  if (head.headers.Count("Content-Length") > 0) return Reject::kUpgradeWithBody;
  if (Single(head.headers, "Sec-WebSocket-Version") != "13") return Reject::kBadWebSocketVersion;
  if (!ReadOffers(head.headers, upgrade)) return Reject::kBadUpgrade;
  return Reject::kNone;
}

std::string ComputeAccept(std::string_view key) {
  // Both made once: OpenSSL's search for an implementation costs as much as ten digests, a context of its own
  // one more.
  static const EVP_MD* const sha1 = EVP_MD_fetch(nullptr, "SHA1", nullptr);
  thread_local const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                                     &EVP_MD_CTX_free);
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
  const bool made = EVP_DigestInit_ex(context.get(), sha1, nullptr) == 1 &&
                    EVP_DigestUpdate(context.get(), key.data(), key.size()) == 1 &&
                    EVP_DigestUpdate(context.get(), kGuid.data(), kGuid.size()) == 1 &&
                    EVP_DigestFinal_ex(context.get(), digest.data(), nullptr) == 1;
  if (!made) std::abort();                // there is no SHA-1, or no memory
  std::array<unsigned char, 29> encoded;  // with the NUL that OpenSSL writes
  EVP_EncodeBlock(encoded.data(), digest.data(), 20);
  return {encoded.begin(), encoded.end() - 1};
}

bool IsRightAnswer(const ResponseHead& response, const UpgradeRequest& request, std::string_view key) {
  const HeaderList& headers = response.headers;
  const auto upgrade = Single(headers, "Upgrade");
  return request.websocket && response.version == Version::kHttp11 && upgrade &&
         EqualsIgnoreCase(*upgrade, kWebSocket) && headers.HasToken("Connection", "upgrade") &&
         Single(headers, "Sec-WebSocket-Accept") == AcceptFor(key) && KeepsToTheOffer(headers, request);
}

}  // namespace

Classification Classify(const RequestHead& head) {
  Classification result;
  if (!head.protocol.empty()) {
    result.reject = CheckExtendedConnect(head, result.upgrade);
    return result;
  }
  if (head.version == Version::kHttp2) return result;  // RFC 9113 §8.6: HTTP/2 has no Upgrade field
  const bool upgrade = head.headers.HasToken("Upgrade", kWebSocket);
  const bool nominated = head.headers.HasToken("Connection", "upgrade");
  result.upgrade.websocket = upgrade || (nominated && HasWebSocketFields(head.headers));
  if (result.upgrade.websocket) {
    result.reject = upgrade && nominated ? CheckHandshake(head, result.upgrade) : Reject::kBadUpgrade;
  }
  return result;
}

bool KeepsToTheOffer(const HeaderList& headers, const UpgradeRequest& request) {
  if (headers.Count("Sec-WebSocket-Protocol") > 0) {
    const auto chosen = Single(headers, "Sec-WebSocket-Protocol");
    if (!chosen || !Contains(request.subprotocols, *chosen)) return false;
  }
  std::vector<std::string_view> extensions;
  if (!ReadNames(headers, "Sec-WebSocket-Extensions", extensions) || HasDuplicates(extensions)) return false;
  return std::all_of(extensions.begin(), extensions.end(),
                     [&](std::string_view name) { return Contains(request.extensions, name); });
}

UpgradeAnswer CheckResponse(const ResponseHead& response, const UpgradeRequest& request,
                            std::string_view key) {
  if (response.status != 101) return UpgradeAnswer::kRelay;
  return IsRightAnswer(response, request, key) ? UpgradeAnswer::kTunnel : UpgradeAnswer::kBroken;
}

bool HasExtension(const ResponseHead& response, std::string_view extension) {
  std::vector<std::string_view> names;
  return ReadNames(response.headers, "Sec-WebSocket-Extensions", names) &&
         std::any_of(names.begin(), names.end(),
                     [&](std::string_view name) { return EqualsIgnoreCase(name, extension); });
}

std::string AcceptFor(std::string_view key) {
  // hawser checks the backend's answer and makes the client's directly afterwards, mostly for the same key.
  struct Pair {
    std::string key;
    std::string accept;
  };
  thread_local Pair last;
  if (key != last.key) last = {std::string(key), ComputeAccept(key)};
  return last.accept;
}

std::string NewKey() {
  std::array<unsigned char, 16> random;
  if (RAND_bytes(random.data(), static_cast<int>(random.size())) != 1) std::abort();
  std::array<unsigned char, 25> encoded;  // with the NUL that OpenSSL writes
  EVP_EncodeBlock(encoded.data(), random.data(), static_cast<int>(random.size()));
  return {encoded.begin(), encoded.end() - 1};
}

void AddUpgradeFields(HeaderList& headers) {
  headers.Add("Connection", "Upgrade");
  headers.Add("Upgrade", kWebSocket);
}

}  // namespace hawser::http
