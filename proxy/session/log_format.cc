#include "proxy/session/log_format.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <iterator>

#include "config/suggest.h"
#include "fmt/format.h"
#include "proxy/session/logged_target.h"

namespace hawser::session {
namespace {

using Out = std::back_insert_iterator<std::string>;

void AppendNumber(std::string& out, uint64_t number) {
  const fmt::format_int text(number);
  out.append(text.data(), text.size());
}

// With leading zeros.
void AppendDigits(std::string& out, uint64_t number, int digits) {
  char text[20];
  for (int i = digits - 1; i >= 0; --i, number /= 10) text[i] = static_cast<char>('0' + number % 10);
  out.append(text, static_cast<size_t>(digits));
}

// With three decimals.
void AppendMillis(std::string& out, double millis) {
  const auto micros = static_cast<uint64_t>(std::llround(std::max(millis, 0.0) * 1000));
  AppendNumber(out, micros / 1000);
  out += '.';
  AppendDigits(out, micros % 1000, 3);
}

// "2024-02-29T12:00:00.123Z"
void AppendTime(std::string& out) {
  const auto now = std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
  const auto day = std::chrono::floor<std::chrono::days>(now);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss time(now - day);
  const auto put = [&](auto number, int digits, char behind) {
    AppendDigits(out, static_cast<uint64_t>(number), digits);
    out += behind;
  };
  put(static_cast<int>(date.year()), 4, '-');
  put(static_cast<unsigned>(date.month()), 2, '-');
  put(static_cast<unsigned>(date.day()), 2, 'T');
  put(time.hours().count(), 2, ':');
  put(time.minutes().count(), 2, ':');
  put(time.seconds().count(), 2, '.');
  put(time.subseconds().count(), 3, 'Z');
}

// The bytes that stand in JSON as they are.
constexpr auto kOrdinary = [] {
  std::array<bool, 256> table{};
  for (size_t c = 0x20; c < 0x7f; ++c) table[c] = c != '"' && c != '\\';
  return table;
}();

void AppendEscaped(std::string& out, std::string_view text) {
  size_t ordinary = 0;
  while (ordinary < text.size() && kOrdinary[static_cast<unsigned char>(text[ordinary])]) ++ordinary;
  out += text.substr(0, ordinary);
  for (const char c : text.substr(ordinary)) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte >= 0x7f) {
      fmt::format_to(Out(out), "\\u{:04x}", byte);
    } else {
      out += c;
    }
  }
}

// In which values may have been replaced.
void AppendQuery(std::string& out, std::string_view query) {
  for (size_t at = query.find(kRedactedValue); at != std::string_view::npos;
       at = query.find(kRedactedValue)) {
    AppendEscaped(out, query.substr(0, at));
    out += kRedactedValue;
    query.remove_prefix(at + kRedactedValue.size());
  }
  AppendEscaped(out, query);
}

void AppendClient(std::string& out, const RequestRecord& record) {
  if (record.client.unspecified()) {
    out += "unix";
  } else if (record.client_port == 0) {
    out += record.client.ToString();
  } else {
    out.append(record.client.v4() ? "" : "[").append(record.client.ToString());
    out += record.client.v4() ? ":" : "]:";
    AppendNumber(out, record.client_port);
  }
}

void AppendTunnelId(std::string& out, const base::TunnelId& id) {
  if (!id) return;
  AppendNumber(out, id.worker);
  out += '-';
  AppendNumber(out, id.slot);
  out += '-';
  AppendNumber(out, id.generation);
}

// That of the reason, then those of what had a part, each once.
void AppendFlags(std::string& out, const LogEntry& entry) {
  out += entry.outcome.flag;
  if (entry.record.parts == 0) return;
  std::string_view before = entry.outcome.flag.empty() ? "" : ",";
  for (const http::PartSpec& spec : http::PartTable()) {
    if ((entry.record.parts & spec.part) == 0 || spec.flag == entry.outcome.flag) continue;
    out.append(before).append(spec.flag);
    before = ",";
  }
}

struct Field {
  LogFieldSpec spec;
  void (*write)(const LogEntry&, std::string&);
  // JSON leaves the field out where this is false. Such a field is quoted exactly if the one before it is:
  // what JSON has behind a value is the same with and without it.
  bool (*present)(const LogEntry&) = nullptr;

  constexpr bool quoted() const { return spec.type == "string"; }  // in JSON
};

constexpr Field kFields[] = {
    {{"time", "string", "", "Time at which the line was written: UTC, RFC 3339, milliseconds.", ""},
     [](const LogEntry&, std::string& out) { AppendTime(out); }},
    {{"event", "string", "", "`tunnel` for a WebSocket that was opened, `request` for anything else.", ""},
     [](const LogEntry& entry, std::string& out) { out += entry.record.tunnel ? "tunnel" : "request"; }},
    {{"request_id", "string", "",
      "Id of the request, also sent to the backend as `X-Request-Id`. Cut off after 256 bytes.",
      "Empty for a connection that was refused before a request."},
     [](const LogEntry& entry, std::string& out) { AppendEscaped(out, entry.record.text.request_id()); }},
    {{"tunnel_id", "string", "",
      "Id of the tunnel while it was open: worker, slot and generation. `/tunnels` shows the same id.",
      "Empty where no tunnel was opened."},
     [](const LogEntry& entry, std::string& out) { AppendTunnelId(out, entry.tunnel); }},
    {{"listener", "string", "", "Name of the listener that the connection came in by.", ""},
     [](const LogEntry& entry, std::string& out) { AppendEscaped(out, entry.record.listener.text()); }},
    {{"client", "string", "",
      "Address and port of the client, or `unix`. Behind a trusted proxy, the address that the proxy names, "
      "without a port.",
      ""},
     [](const LogEntry& entry, std::string& out) { AppendClient(out, entry.record); }},
    {{"tls", "boolean", "", "Whether TLS ends at this listener.", ""},
     [](const LogEntry& entry, std::string& out) { out += entry.record.tls ? "true" : "false"; }},
    {{"protocol", "string", "", "HTTP version that the client speaks: `HTTP/1.0`, `HTTP/1.1` or `HTTP/2`.",
      ""},
     [](const LogEntry& entry, std::string& out) { out += NameOf(entry.record.version); }},
    {{"method", "string", "", "Method of the request. Cut off after 256 bytes.",
      "Empty for a connection that was refused before a request."},
     [](const LogEntry& entry, std::string& out) { AppendEscaped(out, entry.record.text.method()); }},
    {{"host", "string", "", "Host of the request, as the client sent it. Cut off after 256 bytes.",
      "Empty where the request named none."},
     [](const LogEntry& entry, std::string& out) { AppendEscaped(out, entry.record.text.host()); }},
    {{"path", "string", "",
      "Path of the request, as the client sent it, without the query. Cut off after 1024 bytes.",
      "Empty for a connection that was refused before a request."},
     [](const LogEntry& entry, std::string& out) { AppendEscaped(out, entry.record.text.path()); }},
    {{"query", "string", "",
      "Query of the request, behind the `?`, as `access_log.query` allows. `path` and `query` together are "
      "cut off "
      "after 1024 bytes.",
      "Left out where there is no query, or `access_log.query` drops it."},
     [](const LogEntry& entry, std::string& out) { AppendQuery(out, entry.record.text.query()); },
     [](const LogEntry& entry) { return !entry.record.text.query().empty(); }},
    {{"status", "integer", "",
      "HTTP status that the client was sent: 101 for a tunnel, 200 for a tunnel over HTTP/2.",
      "0 where the client had no answer."},
     [](const LogEntry& entry, std::string& out) { AppendNumber(out, entry.record.status); }},
    {{"route", "string", "", "Name of the route.", "Empty where no route was found."},
     [](const LogEntry& entry, std::string& out) {
       if (entry.record.route != nullptr) AppendEscaped(out, entry.record.route->name.text());
     }},
    {{"cluster", "string", "", "Name of the cluster that was picked.", "Empty where no endpoint was picked."},
     [](const LogEntry& entry, std::string& out) {
       if (entry.record.endpoint != nullptr) AppendEscaped(out, entry.record.endpoint->cluster());
     }},
    {{"endpoint", "string", "", "Address of the last endpoint that was picked.",
      "Empty where no endpoint was picked."},
     [](const LogEntry& entry, std::string& out) {
       if (entry.record.endpoint != nullptr) AppendEscaped(out, entry.record.endpoint->name());
     }},
    {{"affinity", "string", "",
      "What the affinity cookie or session led to: `none` (not configured, or no endpoint was "
      "picked), `set` (no cookie came, or a session begins), `hit`, `forged`, `expired`, `gone` (its "
      "endpoint "
      "is gone), `unknown` (the session is not known).",
      ""},
     [](const LogEntry& entry, std::string& out) { out += cluster::NameOf(entry.record.affinity); }},
    {{"duration_ms", "number", "milliseconds", "Time from the request's head to the end.",
      "0 for a connection that was refused before a request."},
     [](const LogEntry& entry, std::string& out) {
       const std::chrono::duration<double, std::milli> took = entry.ended - entry.record.start;
       AppendMillis(out, took.count());
     }},
    {{"attempts", "integer", "tries",
      "Tries at the cluster's endpoints: the first one and those that followed.",
      "Left out where there was one, or none."},
     [](const LogEntry& entry, std::string& out) { AppendNumber(out, entry.record.attempts); },
     [](const LogEntry& entry) { return entry.record.attempts > 1; }},
    {{"queue_ms", "integer", "milliseconds",
      "Time that the WebSocket handshake waited to be admitted (`clusters[].admission`). 65535 stands for "
      "that and more.",
      "Left out where it did not wait."},
     [](const LogEntry& entry, std::string& out) { AppendNumber(out, entry.record.queue_ms); },
     [](const LogEntry& entry) { return (entry.record.parts & http::kQueuePart) != 0; }},
    {{"messages_in", "integer", "messages", "Whole data messages that the client sent through the tunnel.",
      "0 for a request."},
     [](const LogEntry& entry, std::string& out) { AppendNumber(out, entry.traffic.messages_in); }},
    {{"messages_out", "integer", "messages", "Whole data messages that the backend sent through the tunnel.",
      "0 for a request."},
     [](const LogEntry& entry, std::string& out) { AppendNumber(out, entry.traffic.messages_out); }},
    {{"bytes_in", "integer", "bytes",
      "Bytes from the client: of frames with their headers, or of the request's body.", ""},
     [](const LogEntry& entry, std::string& out) { AppendNumber(out, entry.traffic.bytes_in); }},
    {{"bytes_out", "integer", "bytes",
      "Bytes to the client: of frames with their headers, or of the response's body.", ""},
     [](const LogEntry& entry, std::string& out) { AppendNumber(out, entry.traffic.bytes_out); }},
    {{"pings_sent", "integer", "pings", "Keepalive pings that hawser sent to both peers.",
      "0 for a request."},
     [](const LogEntry& entry, std::string& out) { AppendNumber(out, entry.traffic.pings_sent); }},
    {{"rtt_ms", "number", "milliseconds", "Mean time from a keepalive ping to the client's pong.",
      "0 where no pong came."},
     [](const LogEntry& entry, std::string& out) { AppendMillis(out, entry.traffic.rtt_average_ms); }},
    {{"rtt_min_ms", "number", "milliseconds", "Least such time.", "0 where no pong came."},
     [](const LogEntry& entry, std::string& out) { AppendMillis(out, entry.traffic.rtt_min_ms); }},
    {{"rtt_max_ms", "number", "milliseconds", "Greatest such time.", "0 where no pong came."},
     [](const LogEntry& entry, std::string& out) { AppendMillis(out, entry.traffic.rtt_max_ms); }},
    {{"close_code", "integer", "",
      "Code of the close frame that began the end: 1005 for a close frame without a code, 1006 where there "
      "was no close frame.",
      "0 for a request."},
     [](const LogEntry& entry, std::string& out) { AppendNumber(out, entry.outcome.close_code); }},
    {{"closed_by", "string", "",
      "Who ended it: `client`, `backend`, `proxy` (hawser could not go on), `policy` (a rule or limit was "
      "broken), `timeout` or `drain`.",
      "Empty for a response that was relayed in full."},
     [](const LogEntry& entry, std::string& out) { out += LabelOf(entry.outcome.closed_by); }},
    {{"reason", "string", "",
      "Why hawser refused or ended it, or which peer was lost. The table below has each value.",
      "Empty for an ordinary end."},
     [](const LogEntry& entry, std::string& out) { out += entry.outcome.reason; }},
    {{"flag", "string", "",
      "Short form of the reason, as in Envoy where Envoy has one, and one for each breaker, queue, retry or "
      "ejection that had a part in it, also where the request succeeded: `UF,URX`. The table below has each "
      "value.",
      "Empty for an ordinary end in which none had a part."},
     [](const LogEntry& entry, std::string& out) { AppendFlags(out, entry); }},
    {{"violation", "string", "", "Rule that a peer of the tunnel broke. The table below has each value.",
      "Empty where `closed_by` is not `policy`."},
     [](const LogEntry& entry, std::string& out) { out += entry.outcome.violation; }},
    {{"offender", "string", "", "Who broke the rule: `client` or `backend`.", "Empty where `violation` is."},
     [](const LogEntry& entry, std::string& out) { out += entry.outcome.offender; }},
    {{"backend_error", "string", "",
      "Why the last endpoint that failed this request did so, in the system's words (`Connection refused`). "
      "Also where another endpoint then answered.",
      "Empty for a tunnel, and where no endpoint failed."},
     [](const LogEntry& entry, std::string& out) { AppendEscaped(out, entry.outcome.backend_error); }},
};

// The JSON text in front of each field's value, with the end of the value before it: `","host":"`.
std::vector<std::string> JsonKeys() {
  std::vector<std::string> keys;
  std::string_view before = "{";
  for (const Field& field : kFields) {
    keys.push_back(fmt::format("{}\"{}\":{}", before, field.spec.name, field.quoted() ? "\"" : ""));
    before = field.quoted() ? "\"," : ",";
  }
  return keys;
}

constexpr std::string_view kEndOfLine = std::end(kFields)[-1].quoted() ? "\"}" : "}";

int FieldNamed(std::string_view name) {
  for (size_t i = 0; i < std::size(kFields); ++i) {
    if (kFields[i].spec.name == name) return static_cast<int>(i);
  }
  return -1;
}

void RenderJson(const LogEntry& entry, std::string& line) {
  static const std::vector<std::string> keys = JsonKeys();
  for (size_t i = 0; i < keys.size(); ++i) {
    const Field& field = kFields[i];
    if (field.present != nullptr && !field.present(entry)) continue;
    line += keys[i];
    field.write(entry, line);
  }
  line += kEndOfLine;
}

std::string SuggestField(std::string_view name) {
  std::vector<std::string_view> names;
  for (const Field& field : kFields) names.push_back(field.spec.name);
  return config::Suggest(name, names);
}

}  // namespace

std::vector<LogFieldSpec> LogFields() {
  std::vector<LogFieldSpec> specs;
  for (const Field& field : kFields) specs.push_back(field.spec);
  return specs;
}

absl::StatusOr<LogFormat> LogFormat::Parse(std::string_view format) {
  LogFormat compiled;
  if (format == "json") return compiled;
  compiled.pieces_.emplace_back();
  while (!format.empty()) {
    const size_t percent = format.find('%');
    compiled.pieces_.back().literal += format.substr(0, percent);
    if (percent == std::string_view::npos) break;
    const size_t end = format.find('%', percent + 1);
    if (end == std::string_view::npos) {
      return absl::InvalidArgumentError("a % without its partner; expected %% for a percent sign");
    }
    const std::string_view name = format.substr(percent + 1, end - percent - 1);
    format.remove_prefix(end + 1);
    if (name.empty()) {
      compiled.pieces_.back().literal += '%';
      continue;
    }
    const int field = FieldNamed(name);
    if (field < 0) {
      return absl::InvalidArgumentError(fmt::format("unknown field %{}%; {}", name, SuggestField(name)));
    }
    compiled.pieces_.back().field = field;
    compiled.pieces_.emplace_back();
  }
  return compiled;
}

void LogFormat::Render(const LogEntry& entry, std::string& line) const {
  if (pieces_.empty()) return RenderJson(entry, line);
  for (const Piece& piece : pieces_) {
    line += piece.literal;
    if (piece.field < 0) continue;
    const size_t before = line.size();
    kFields[piece.field].write(entry, line);
    if (line.size() == before) line += '-';
  }
}

}  // namespace hawser::session
