// docs/metrics.md, docs/access-log.md and docs/admin.md are what the tables say.
#include "proxy/admin/reference.h"

#include <fstream>
#include <sstream>
#include <string>

#include <re2/re2.h>

#include "config/reference.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proxy/http/reject.h"
#include "proxy/stats/metrics.h"

namespace hawser::admin {
namespace {

using testing::HasSubstr;

class Reference : public testing::TestWithParam<std::string_view> {};

TEST_P(Reference, IsWhatTheDocumentSays) {
  const std::string path = "/docs/" + std::string(GetParam()) + ".md";
  std::ifstream file(HAWSER_SOURCE_DIR + path);
  std::stringstream text;
  text << file.rdbuf();
  EXPECT_TRUE(text.str() == ReferenceMarkdown(GetParam()))
      << path << " is not what the tables say. Write it anew: hawser reference " << GetParam() << " > "
      << path;
}

INSTANTIATE_TEST_SUITE_P(Pages, Reference, testing::ValuesIn(ReferencePages()), [](const auto& page) {
  std::string name(page.param);
  std::erase(name, '-');
  return name;
});

TEST(MetricsReference, HasEveryFamilyOnceWithAllItsLabelValues) {
  const std::string page = ReferenceMarkdown("metrics");
  for (const stats::MetricSpec& spec : stats::MetricTable()) {
    const std::string row = "\n| `" + std::string(spec.name) + "` | ";
    const size_t begin = page.find(row);
    ASSERT_NE(begin, std::string::npos) << spec.name;
    EXPECT_EQ(page.find(row, begin + 1), std::string::npos) << spec.name << " is there twice";
    const std::string line = page.substr(begin + 1, page.find('\n', begin + 1) - begin);
    const std::string value = spec.label.empty() ? "" : "`" + std::string(spec.value) + "`";
    EXPECT_THAT(line, HasSubstr(value));
  }
}

TEST(AccessLogReference, HasEveryReason) {
  const std::string page = ReferenceMarkdown("access-log");
  for (const http::RejectSpec& spec : http::RejectTable()) {
    const bool listed = page.find("\n| `" + std::string(spec.label) + "` | ") != std::string::npos;
    EXPECT_EQ(listed, spec.reject != http::Reject::kNone) << spec.label;
  }
}

// The last word of a path such as `listeners[].limits.request_head`.
TEST(AccessLogReference, AdviceNamesFieldsOfTheConfiguration) {
  static const re2::RE2 kField(
      R"(`(?:listeners\[\]|routes\[\]|clusters\[\]|limits|drain)\.(?:\w+\.)*(\w+)`)");
  const std::string fields = config::ReferenceMarkdown();
  int found = 0;
  for (const http::RejectSpec& spec : http::RejectTable()) {
    re2::StringPiece advice(spec.advice.data(), spec.advice.size());
    for (std::string name; re2::RE2::FindAndConsume(&advice, kField, &name); ++found) {
      EXPECT_THAT(fields, HasSubstr("\n| `" + name + "` | ")) << spec.label;
    }
  }
  EXPECT_GT(found, 20);
}

}  // namespace
}  // namespace hawser::admin
