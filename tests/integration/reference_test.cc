// The reference pages against a running hawser: every field, label and type is documented, and everything
// documented exists.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <sstream>
#include <utility>

#include <nlohmann/json.hpp>

#include "tests/integration/harness/certificate.h"
#include "tests/integration/harness/scenario.h"
#include "tests/integration/harness/site.h"

namespace hawser::integration {
namespace {

using Json = nlohmann::ordered_json;

std::string Reference(const std::string& page) {
  const CommandResult result = RunHawser({"reference", page});
  EXPECT_EQ(result.status, 0) << result.err;
  return result.out;
}

// The cells of a table's row, trimmed; none where the line is no row.
std::vector<std::string> Cells(const std::string& line) {
  std::vector<std::string> cells;
  if (!line.starts_with("| ")) return cells;
  for (size_t begin = 1, end; (end = line.find('|', begin)) != std::string::npos; begin = end + 1) {
    std::string cell = line.substr(begin, end - begin);
    cell.erase(0, cell.find_first_not_of(' '));
    cell.erase(cell.find_last_not_of(' ') + 1);
    cells.push_back(cell);
  }
  return cells;
}

std::string Unquoted(const std::string& cell) {
  return cell.size() > 2 && cell.front() == '`' ? cell.substr(1, cell.size() - 2) : cell;
}

struct DocumentedPage {
  std::string content_type;
  std::map<std::string, std::string> fields;  // type, by path
};

// By path.
std::map<std::string, DocumentedPage> DocumentedPages() {
  std::map<std::string, DocumentedPage> pages;
  DocumentedPage* page = nullptr;
  std::istringstream lines(Reference("admin"));
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("## `")) {
      page = &pages[Unquoted(line.substr(3))];
    } else if (page != nullptr && line.ends_with("`.")) {
      const size_t end = line.size() - 2;
      const size_t begin = line.rfind('`', end - 1) + 1;
      page->content_type = line.substr(begin, end - begin);
    } else if (const auto cells = Cells(line); page != nullptr && cells.size() == 3 && cells[0][0] == '`') {
      page->fields[Unquoted(cells[0])] = cells[1];
    }
  }
  return pages;
}

std::string TypeOf(const Json& value) {
  if (value.is_array()) return "list";
  if (value.is_object()) return "map";
  if (value.is_string()) return "string";
  if (value.is_boolean()) return "boolean";
  return value.is_number_integer() ? "integer" : "number";
}

// Every field of `value` and below, with its type.
void Collect(const Json& value, const std::string& path, std::map<std::string, std::string>& into) {
  if (value.is_array()) {
    for (const Json& element : value) Collect(element, path + "[]", into);
  } else if (value.is_object()) {
    for (const auto& [name, below] : value.items()) {
      const std::string field = path.empty() ? name : path + "." + name;
      into[field] = TypeOf(below);
      Collect(below, field, into);
    }
  }
}

// A tunnel is open, one endpoint works, and another one is left out because it has failed.
class ReferencePages : public testing::Test {
 protected:
  ReferencePages() {
    for (int i = 0; i < 8; ++i) {
      Wire client = Wire::Connect(hawser_.listener());
      client.Send(PlainGet("/?room=1"));
      EXPECT_EQ(ReadHead(client).status(), 200);
    }
    EXPECT_TRUE(hawser_.MetricIs("hawser_endpoint_out", 1));
    EXPECT_TRUE(hawser_.MetricReaches("hawser_health_checks_total", 1, {"result=\"passed\""}));
    tunnel_ = Join(hawser_.listener());
  }

  // With a second listener, which has TLS, a cluster that is discovered, and one that is checked.
  std::string Yaml(const std::string& cluster = "") const {
    Config config{.endpoints = {"127.0.0.1:9", echo_.address()}};
    if (!cluster.empty()) config.cluster = {cluster};
    std::string yaml = config.Yaml();
    const std::string secure =
        ListenerOf("secure", "127.0.0.1:0",
                   fmt::format("tls: {{ certificates: [ {{ certificate: {}, private_key: {} }} ] }}",
                               certificate_.certificate, certificate_.private_key));
    yaml += "  - " + ClusterOf("named", {"localhost:9"}) + "\n";
    yaml +=
        "  - " +
        ClusterOf("checked", {echo_.address()},
                  "health_checks: [ { tcp: {}, interval: 100ms } ], rebalance: { above: 25, rate: 5/s }") +
        "\n";
    return yaml.insert(yaml.find("  - name: main"), "  - " + secure + "\n");
  }

  const Directory files_;
  const CertificateFiles certificate_ = MakeCertificate(files_, "tls", {"a.test"});
  EchoBackend echo_{"echo"};
  HawserProcess hawser_{Yaml()};
  Wire tunnel_;
};

TEST_F(ReferencePages, EveryFieldOfTheAdminPagesIsDocumentedWithItsType) {
  const auto pages = DocumentedPages();
  ASSERT_GE(pages.size(), 7U);
  for (const auto& [path, documented] : pages) {
    if (path.starts_with("POST ")) continue;
    Wire wire = Wire::Connect(hawser_.admin());
    wire.Send(AdminGet(path));
    EXPECT_EQ(ReadHead(wire).Value("Content-Type"), documented.content_type) << path;
    if (documented.fields.empty()) continue;
    std::map<std::string, std::string> fields;
    Collect(Json::parse(hawser_.AdminPage(path)), "", fields);
    if (path == "/config_dump") {  // the others are the configuration's
      std::erase_if(fields, [&](const auto& field) { return !documented.fields.contains(field.first); });
    }
    if (path == "/clusters") {  // these only while there is something to say, which clusters_page_test has
      for (const char* field :
           {"clusters[].endpoints[].shedding_since", "clusters[].endpoints[].health_checks[].why"})
        fields.try_emplace(field, documented.fields.at(field));
    }
    EXPECT_EQ(fields, documented.fields) << path;
  }
}

// One reload is applied with a warning, and one has an error.
TEST_F(ReferencePages, EveryFieldOfTheAnswerToAReloadIsDocumentedWithItsType) {
  std::map<std::string, std::string> fields;
  for (const char* line : {"connect_timeout: 1m", "nonsense: 1"}) {
    hawser_.Rewrite(Yaml(line));
    Collect(Json::parse(PostReload(hawser_).body.dump()), "", fields);
  }
  EXPECT_EQ(fields, DocumentedPages()["POST /reload"].fields);
}

TEST_F(ReferencePages, EveryAdminPageIsDocumented) {
  const auto pages = DocumentedPages();
  std::istringstream lines(hawser_.AdminPage("/"));
  size_t listed = 0;
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("  /")) continue;
    const std::string path = line.substr(2, line.find(' ', 2) - 2);
    EXPECT_TRUE(pages.contains(path) || pages.contains("POST " + path)) << line;
    ++listed;
  }
  EXPECT_EQ(listed, pages.size());
}

// name="value" pairs of a sample's line.
std::vector<std::pair<std::string, std::string>> LabelsOf(const std::string& sample) {
  std::vector<std::pair<std::string, std::string>> labels;
  size_t at = sample.find('{');
  if (at == std::string::npos) return labels;
  while (sample[at] != '}') {
    const size_t equals = sample.find("=\"", at);
    const size_t end = sample.find('"', equals + 2);
    labels.emplace_back(sample.substr(at + 1, equals - at - 1), sample.substr(equals + 2, end - equals - 2));
    at = end + 1;
  }
  return labels;
}

TEST_F(ReferencePages, EveryMetricIsDocumentedWithItsTypeAndLabels) {
  struct Row {
    std::string type, labels;
    bool seen = false;
  };
  std::map<std::string, Row> documented;
  std::istringstream rows(Reference("metrics"));
  for (std::string line; std::getline(rows, line);) {
    const auto cells = Cells(line);
    if (cells.size() == 4 && cells[0][0] == '`') documented[Unquoted(cells[0])] = {cells[1], cells[3]};
  }
  std::istringstream lines(hawser_.AdminPage("/stats/prometheus"));
  Row* row = nullptr;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("# TYPE ")) {
      std::istringstream words(line.substr(7));
      std::string name, type;
      words >> name >> type;
      ASSERT_TRUE(documented.contains(name)) << name << " is not documented";
      row = &documented[name];
      EXPECT_EQ(row->type, type) << name;
      row->seen = true;
    } else if (!line.starts_with('#')) {
      ASSERT_NE(row, nullptr);
      for (const auto& [label, value] : LabelsOf(line)) {
        if (label == "le") continue;
        EXPECT_THAT(row->labels, testing::HasSubstr("`" + label + "`")) << line;
        const bool closed = row->labels.find("`" + label + "`:") != std::string::npos;
        EXPECT_THAT(row->labels, testing::HasSubstr(closed ? "`" + value + "`" : "")) << line;
      }
    }
  }
  documented["hawser_tunnel_closes_total"].seen = true;  // it has no sample before the first end
  for (const auto& [name, family] : documented)
    EXPECT_TRUE(family.seen) << name << " is documented, and not there";
}

TEST_F(ReferencePages, EveryFieldOfTheAccessLogIsDocumentedWithItsType) {
  std::vector<std::string> documented;
  std::map<std::string, std::string> types;
  std::istringstream rows(Reference("access-log"));
  for (std::string line; std::getline(rows, line);) {
    const auto cells = Cells(line);
    if (cells.size() != 5 || cells[0][0] != '`') continue;
    documented.push_back(Unquoted(cells[0]));
    types[documented.back()] = cells[1];
  }
  hawser_.WaitForLog();
  const std::string log = ReadFile(hawser_.directory().File("access.log"));
  const Json line = Json::parse(log.substr(0, log.find('\n')));
  std::vector<std::string> fields;
  for (const auto& [name, value] : line.items()) {
    fields.push_back(name);
    EXPECT_EQ(TypeOf(value), types[name]) << name;
  }
  // A request with a query has them all, but for those of further tries and of the admission queue.
  std::erase_if(documented, [](const std::string& name) { return name == "attempts" || name == "queue_ms"; });
  EXPECT_EQ(fields, documented);
}

}  // namespace
}  // namespace hawser::integration
