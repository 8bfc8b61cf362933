#include "config/reference.h"

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <optional>
#include <vector>

#include "config/describe.h"
#include "config/schema.h"
#include "fmt/format.h"

namespace hawser::config {
namespace {

constexpr std::string_view kIntroduction = R"(# Configuration

<!-- Generated from config/describe.h: hawser schema --format markdown > docs/config.md -->

hawser reads one YAML file: `hawser run hawser.yaml`. `hawser check hawser.yaml` reads it, looks into the files it names, and
prints every error at once as `FILE:LINE:COL: path: what; expected`, and warnings as `FILE:LINE:COL: warning: path: what`.
`hawser schema` prints its JSON Schema, for editors that complete and check while you type:
`hawser schema > hawser.schema.json` beside the file, and as the file's first line
`# yaml-language-server: $schema=hawser.schema.json`.

## A whole file

```yaml
)";

constexpr std::string_view kConventions = R"(```

## How values are written

| type | written | meaning |
|---|---|---|
| duration | `500ms`, `30s`, `5m`, `1h`, `1d`, `1h30m` | whole numbers, each with its unit; only `0` needs none |
| size | `512`, `64KiB`, `1MiB`, `1GiB`, `64KB`, `1MB`, `1GB` | bytes; `KiB`, `MiB`, `GiB` are powers of 1024, `KB`, `MB`, `GB` of 1000 |
| rate | `20/s`, `100/m`, `5/h`, `0.5/s` | per second, minute or hour |
| rate of bytes | `64KiB/s`, `1MB/s`, `10MB/m` | a size per second, minute or hour |
| whole number | `100` | without decimals |
| number | `0.1`, `1` | with or without decimals |
| true or false | `true`, `false` | without quotes |
| text | `admin` | one line; the `body` of a direct response may have several |
| word | `least_request`, `Lax` | one of those in the column `bounds` |
| close code | `1001`, `3000` | 1001, 1011 to 1014, 3000 to 4999; `0`, for `backend_lost_code`: no close frame |
| address | `127.0.0.1:80`, `"[::1]:80"`, `"unix:/run/a.sock"` | host names are not supported; a relative path is relative to the folder of the configuration file; `unix:@name` is an abstract socket |
| backend address | `127.0.0.1:80`, `rooms.internal:9000`, `"unix:/run/a.sock"` | an address, or a host name and a port. `/etc/hosts` and the system's search list are used; a dot at the end of the name turns the search list off |
| IP address | `127.0.0.2`, `"::1"` | without a port |
| DNS server | `127.0.0.1`, `127.0.0.1:5300`, `"[::1]:53"` | an IP address; port 53 if there is none |
| peers | `10.0.0.0/8`, `2001:db8::/32`, `192.0.2.7`, `unix` | addresses that connections come from; the bits behind the prefix are 0; `unix`: every peer on a Unix socket |
| DNS name | `rooms.internal`, `_ws._tcp.rooms.internal` | of a host or a service, without a port |
| host | `chat.example.com`, `"*.example.com"` | without port; case does not matter |
| origin | `https://*.example.com`, `same-host` | of pages; `same-host`: host and port are the request's own |
| path | `/chat` | begins with `/`; percent-encoded, without `?` and `#`. `redirect.path` may have a query; a cookie's path has no `;` |
| host and port | `chat.example.com`, `chat.example.com:8443` | the port may be left out |
| regex | `^/room/[0-9]+$` | [RE2](https://github.com/google/re2/wiki/Syntax); the whole text must match |
| substitution | `/v2/\1` | `\1` to `\9` are the groups of the regex beside it, `\0` is all that matched |
| field value | `max-age=60` | of a header; no control characters |
| file mode | `"0660"` | permissions in octal, in quotes; YAML would read `0660` as a number |
| file | `server.crt`, `/etc/hawser/server.crt` | relative to the folder of the configuration file |
| name | `chat`, `eu-west/chat.v2` | up to 128 letters, digits and `_ . : / -` |
| token | `chat.v2`, `X-Room` | letters, digits and ``! # $ % & ' * + - . ^ _ ` \| ~`` |
| secret | `"0123456789abcdef..."` | never printed: `/config_dump` shows `[redacted]` |

Units are written exactly so. `1.5s`, `64k` and `1Mbit/s` are not accepted: write `1500ms`, `64KB` or `64KiB`, and `125KB/s`.

Values are read as YAML 1.2's core schema reads them, which is what editors do: `true`, `True` and `TRUE` are the same;
`100`, `+100`, `0x64`, `0o144` and `1e2` are the same; `yes` and `on` are text. Text that looks like a number, like `true` or
like `null`, or that begins with `*`, `[`, `{`, `%` or `@`, must be in quotes. A key whose value is empty, `~` or `null` is an
error: leave the key out instead. Unknown keys and keys that are given twice are errors. The file is UTF-8; a byte order mark
in front of it is skipped. Anchors, aliases and merge keys (`<<`) work. A file may have 16 MiB, 64 levels and a million values,
and holds one document.
)";

struct Row {
  std::string key;
  std::string type;
  std::string standard;  // the default
  std::string bounds;
  std::string help;
};

struct Section {
  std::string path;  // "listeners[].tls"; empty: the root
  std::string help;
  std::vector<Row> rows;
  std::vector<std::string> notes;
};

std::string TitleOf(const Section& section) {
  return section.path.empty() ? "The top level" : fmt::format("`{}`", section.path);
}

// As GitHub makes it from a title.
std::string AnchorOf(std::string_view title) {
  std::string anchor;
  for (const char c : title) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) || c == '_' || c == '-') anchor += static_cast<char>(std::tolower(byte));
    if (c == ' ') anchor += '-';
  }
  return anchor;
}

std::string CodeList(const std::vector<std::string_view>& keys) {
  return fmt::format("`{}`", fmt::join(keys, "`, `"));
}

std::string NoteOf(const Condition& condition) {
  switch (condition.kind) {
    case Condition::Kind::kExactlyOneOf:
      return fmt::format("Exactly one of {} is given.", CodeList(condition.keys));
    case Condition::Kind::kAtMostOneOf:
      return fmt::format("At most one of {} is given.", CodeList(condition.keys));
    case Condition::Kind::kNeededBy: break;
  }
  return fmt::format("`{}` needs an entry if one of `{}` has {}.", condition.key, condition.list,
                     fmt::format("`{}`", fmt::join(condition.keys, "` or `")));
}

std::vector<std::string> NotesOf(const MapSpec& spec) {
  std::vector<std::string> notes;
  if (!spec.short_key.empty()) {
    notes.push_back(
        spec.short_form == ShortForm::kWord
            ? fmt::format("The bare word `{0}` may be written for `{{ {0}: true }}`.", spec.short_key)
            : fmt::format("The bare `{}` may be written for the map.", spec.short_key));
  }
  for (const Condition& condition : spec.conditions) {
    const bool says_nothing = condition.kind == Condition::Kind::kExactlyOneOf && condition.keys.size() == 1;
    if (!says_nothing) notes.push_back(NoteOf(condition));
  }
  if (!spec.free_prefix.empty()) {
    notes.push_back(
        fmt::format("Keys that begin with `{}` are free: put there what you name by an anchor (`&`) and use "
                    "elsewhere by an alias (`*`). What they hold is not checked.",
                    spec.free_prefix));
  }
  return notes;
}

// Empty for what is required, off, or a map with defaults of its own.
std::string DefaultOf(const FieldSpec& field, const void* object) {
  if (!field.key.absent.empty()) return std::string(field.key.absent);
  if (field.key.presence == Presence::kRequired) return "**required**";
  if (field.value.kind == ValueSpec::Kind::kList) return "none";
  if (field.value.kind != ValueSpec::Kind::kLeaf) return {};
  const std::string text = field.value.leaf->standard(field.value.rules.get(), field.In(object));
  return text.empty() ? text : fmt::format("`{}`", text);
}

std::string BoundsOf(const ValueSpec& spec) {
  switch (spec.kind) {
    case ValueSpec::Kind::kLeaf: return spec.leaf->bounds(spec.rules.get());
    case ValueSpec::Kind::kMap: return {};
    case ValueSpec::Kind::kOptional: return BoundsOf(*spec.inner);
    case ValueSpec::Kind::kList: break;
  }
  const std::string entries = spec.min_items > 0 ? fmt::format("at least {} entry", spec.min_items) : "";
  const std::string each = BoundsOf(*spec.inner);
  if (entries.empty() || each.empty()) return entries + each;
  return fmt::format("{}; each {}", entries, each);
}

// Writes the section of one map, and those of the maps in it behind it.
class SectionWriter {
 public:
  explicit SectionWriter(std::vector<Section>& sections) : sections_(sections) {}

  // `standard`: the map as the struct around it makes it; null inside an optional or a list.
  void Write(const std::string& path, std::string_view help, const MapSpec& spec, const void* standard) {
    const void* const object = standard != nullptr ? standard : spec.defaults.get();
    const size_t own = sections_.size();
    sections_.push_back({path, std::string(help), {}, NotesOf(spec)});
    for (const FieldSpec& field : spec.fields) {
      const std::string name(field.key.name);
      const std::string below = path.empty() ? name : fmt::format("{}.{}", path, name);
      Row row{fmt::format("`{}`", name), TypeOf(below, field.key.help, field.value, field.In(object)),
              DefaultOf(field, object), BoundsOf(field.value), HelpText(field.key)};
      sections_[own].rows.push_back(std::move(row));
    }
  }

 private:
  std::string TypeOf(const std::string& path, std::string_view help, const ValueSpec& spec,
                     const void* standard) {
    switch (spec.kind) {
      case ValueSpec::Kind::kLeaf: return spec.leaf->type(spec.rules.get());
      case ValueSpec::Kind::kOptional: return TypeOf(path, help, *spec.inner, nullptr);
      case ValueSpec::Kind::kList: return "list: " + TypeOf(path + "[]", help, *spec.inner, nullptr);
      case ValueSpec::Kind::kMap: break;
    }
    const size_t section = sections_.size();
    Write(path, help, *spec.map, standard);
    return fmt::format("[map](#{})", AnchorOf(TitleOf(sections_[section])));
  }

  std::vector<Section>& sections_;
};

std::string RowText(const Row& row) {
  return fmt::format("| {} | {} | {} | {} | {} |\n", row.key, row.type, row.standard, row.bounds, row.help);
}

std::string SectionText(const Section& section) {
  std::string text =
      fmt::format("\n## {}\n\n{}\n\n| key | type | default | bounds | meaning |\n|---|---|---|---|---|\n",
                  TitleOf(section), section.help);
  for (const Row& row : section.rows) text += RowText(row);
  for (const std::string& note : section.notes) text += fmt::format("\n{}\n", note);
  return text;
}

}  // namespace

std::string_view SampleYaml() {
  return R"(admin:
  address: 127.0.0.1:9901
access_log:
  path: access.log                     # "-" is stdout
  format: json
drain:
  window: 30s
listeners:
  - name: plain
    address: 127.0.0.1:8080
  - name: edge
    address: "[::]:8443"
    tls:
      certificates:
        - certificate: server.crt      # relative to this file
          private_key: server.key
      min_version: TLSv1.2
    limits:
      connections: 200000
      connections_per_ip: 100
      connection_rate_per_ip: { rate: 20/s, burst: 40 }
    timeouts: { tls_handshake: 5s, request_headers: 5s }
routes:
  - match: { host: "*.example.com", path_prefix: /chat, subprotocol: chat.v2 }
    cluster: chat
    filters: [ { origin: { allow: [ same-host, "https://*.example.com" ] } } ]
    websocket:
      keepalive: { interval: 30s, timeout: 10s, to: client }
      close_timeout: 5s
      max_message_bytes: 1MiB
      message_rate: { from_client: { rate: 50/s, burst: 100 } }
      byte_rate: { from_client: { rate: 256KiB/s, burst: 1MiB, over_limit: slow_down } }
  - match: { path_prefix: / }
    listeners: [plain, edge]           # all, if left out
    cluster: rooms
clusters:
  - name: chat
    lb_policy: least_request           # round_robin, random, ring_hash, maglev
    affinity:
      cookie:
        name: moor
        ttl: 1h
        same_site: Lax
        keys: [ "0123456789abcdef0123456789abcdef" ]     # or keys_file
    endpoints: [ 127.0.0.1:9000, { address: "127.0.0.1:9001", weight: 2 } ]
  - name: rooms
    lb_policy: maglev
    hash_policy: [ { header: X-Room }, source_ip ]       # the first that is present; also { cookie: c }, { query: q }
    connect_timeout: 2s
    endpoints: [ "unix:/run/rooms.sock", 127.0.0.1:9002 ]
)";
}

std::string ReferenceMarkdown() {
  std::string text;
  text += kIntroduction;
  text += SampleYaml();
  text += kConventions;
  std::vector<Section> sections;
  SectionWriter(sections).Write("", "The keys of the file itself.", SpecOf<Config>(), nullptr);
  for (const Section& section : sections) text += SectionText(section);
  return text;
}

}  // namespace hawser::config
