#include "proxy/http/engine_io.h"

#include <algorithm>
#include <optional>

namespace hawser::http {
namespace {

// The open packet begins within so many bytes: behind `___eio[123]("` and the digits of a length.
constexpr size_t kLongestFraming = 32;

bool IsUnreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
         c == '.' || c == '~';
}

bool IsSession(std::string_view text) {
  return !text.empty() && text.size() <= kLongestEngineIoSession &&
         std::all_of(text.begin(), text.end(), IsUnreserved);
}

// Where the packet's JSON begins, behind "0{"; npos if it is not there (yet).
size_t FindPacket(std::string_view body) {
  const size_t at = body.substr(0, kLongestFraming).find("0{");
  if (at == std::string_view::npos) return at;
  constexpr std::string_view kBefore = ":\xff\"";  // ends a length in text, one in binary, JSONP's opening
  if (at > 0 && kBefore.find(body[at - 1]) == std::string_view::npos) return std::string_view::npos;
  return at + 2;
}

bool Take(std::string_view& text, char c) {
  if (!text.starts_with(c)) return false;
  text.remove_prefix(1);
  return true;
}

// In JSONP the packet is a string of JavaScript, and its quotes are escaped.
bool TakeQuote(std::string_view& text) {
  Take(text, '\\');
  return Take(text, '"');
}

void SkipSpaces(std::string_view& text) {
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
}

// The value of the member "sid" as far as it has come; nothing if its opening quote has not.
std::optional<std::string_view> FindSession(std::string_view json) {
  constexpr std::string_view kName = "\"sid";
  const size_t at = json.find(kName);
  if (at == std::string_view::npos) return std::nullopt;
  json.remove_prefix(at + kName.size());
  if (!TakeQuote(json)) return std::nullopt;
  SkipSpaces(json);
  if (!Take(json, ':')) return std::nullopt;
  SkipSpaces(json);
  if (!TakeQuote(json)) return std::nullopt;
  return json;
}

}  // namespace

std::string_view EngineIoSessionOf(const RequestHead& request) {
  const std::string_view session = QueryParameter(request.query(), "sid").value_or("");
  return IsSession(session) ? session : std::string_view();
}

bool MayBeginEngineIoSession(const RequestHead& request) {
  const std::string_view query = request.query();
  return request.method == "GET" && QueryParameter(query, "EIO") && !QueryParameter(query, "sid");
}

bool MayHoldOpenPacket(const ResponseHead& response) {
  const auto encoding = response.headers.Find("Content-Encoding");
  return response.status == 200 && (!encoding || EqualsIgnoreCase(*encoding, "identity"));
}

OpenPacketReader::State OpenPacketReader::Read(std::span<const std::byte> bytes) {
  if (state_ != State::kMore) return state_;
  HAWSER_DCHECK(seen_.size() < kLookedAt);
  const std::span<const std::byte> looked_at = bytes.first(std::min(bytes.size(), kLookedAt - seen_.size()));
  seen_.append(reinterpret_cast<const char*>(looked_at.data()), looked_at.size());
  state_ = Parse();
  if (state_ == State::kMore && seen_.size() == kLookedAt) state_ = State::kNone;
  return state_;
}

OpenPacketReader::State OpenPacketReader::Parse() {
  const size_t packet = FindPacket(seen_);
  if (packet == std::string_view::npos) return seen_.size() < kLongestFraming ? State::kMore : State::kNone;
  const auto value = FindSession(std::string_view(seen_).substr(packet));
  if (!value) return State::kMore;
  const size_t end = value->find_first_of("\"\\");
  if (end == std::string_view::npos) return State::kMore;
  session_ = value->substr(0, end);
  return IsSession(session_) ? State::kFound : State::kNone;
}

}  // namespace hawser::http
