#include "proxy/stats/prometheus.h"

#include <cmath>
#include <map>
#include <sstream>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proxy/stats/process.h"

namespace hawser::stats {
namespace {

using namespace std::chrono_literals;
using testing::Contains;
using testing::Key;
using testing::Pair;

// A page taken apart as the exposition format has it, and held to what `promtool check metrics` asks of it.
struct Page {
  std::map<std::string, std::string> types;  // by family
  std::map<std::string, double> samples;     // by name and labels, as they stand in the line

  explicit Page(const std::string& text) {
    EXPECT_TRUE(text.empty() || text.back() == '\n');
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
      if (line.starts_with("# HELP ")) {
        BeginFamily(line.substr(7));
      } else if (line.starts_with("# TYPE ")) {
        SetType(line.substr(7));
      } else {
        AddSample(line);
      }
    }
  }

  double operator[](const std::string& sample) const {
    const auto found = samples.find(sample);
    return found == samples.end() ? std::nan("") : found->second;
  }

 private:
  void BeginFamily(const std::string& rest) {
    family_ = rest.substr(0, rest.find(' '));
    EXPECT_GT(rest.size(), family_.size() + 2) << "no help: " << rest;
    EXPECT_FALSE(types.contains(family_)) << "twice: " << family_;
    types[family_] = "";
  }

  void SetType(const std::string& rest) {
    const size_t space = rest.find(' ');
    EXPECT_EQ(rest.substr(0, space), family_);
    types[family_] = rest.substr(space + 1);
    EXPECT_EQ(family_.ends_with("_total"), types[family_] == "counter") << family_;
  }

  // name, then {label="value",...} if there are labels, a space, and the number.
  void AddSample(const std::string& line) {
    const size_t name_ends = line.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_");
    ASSERT_NE(name_ends, std::string::npos) << line;
    const size_t labels_end = line[name_ends] == '{' ? SkipLabels(line, name_ends) : name_ends;
    ASSERT_LT(labels_end, line.size()) << "malformed labels: " << line;
    ASSERT_EQ(line[labels_end], ' ') << line;
    const std::string name = line.substr(0, name_ends);
    EXPECT_EQ(types[family_] == "histogram" ? name.substr(0, name.rfind('_')) : name, family_);
    size_t used = 0;
    const std::string number = line.substr(labels_end + 1);
    EXPECT_TRUE(samples.emplace(line.substr(0, labels_end), std::stod(number, &used)).second)
        << "twice: " << line;
    EXPECT_EQ(used, number.size()) << line;
  }

  // Where the labels that begin at `at` end; npos if they are malformed.
  static size_t SkipLabels(const std::string& line, size_t at) {
    do {
      at = line.find_first_not_of("abcdefghijklmnopqrstuvwxyz_", at + 1);
      if (at == std::string::npos || line.compare(at, 2, "=\"") != 0) return std::string::npos;
      for (at += 2; at < line.size() && line[at] != '"'; ++at) {
        if (line[at] == '\\') ++at;
      }
      ++at;
    } while (at < line.size() && line[at] == ',');
    return at < line.size() && line[at] == '}' ? at + 1 : std::string::npos;
  }

  std::string family_;
};

TEST(Prometheus, EveryMetricOfTheTableHasItsSample) {
  WorkerStats stats;
  for (const MetricSpec& spec : MetricTable())
    stats.Add(spec.metric, 1000 + static_cast<uint64_t>(spec.metric));
  Totals totals;
  stats.AddTo(totals);
  const Page page(RenderPrometheus(totals, {}));
  for (const MetricSpec& spec : MetricTable()) {
    std::string sample(spec.name);
    if (!spec.label.empty())
      sample += "{" + std::string(spec.label) + "=\"" + std::string(spec.value) + "\"}";
    EXPECT_DOUBLE_EQ(page[sample], 1000 + static_cast<double>(spec.metric)) << sample;
    EXPECT_TRUE(spec.name.starts_with("hawser_"));
  }
}

TEST(Prometheus, EveryRefusalHasItsSampleButNone) {
  Totals totals;
  totals.rejects.fill(3);
  const Page page(RenderPrometheus(totals, {}));
  EXPECT_EQ(page["hawser_rejects_total{reason=\"no_route\"}"], 3);
  EXPECT_EQ(page["hawser_rejects_total{reason=\"pong_timeout\"}"], 3);
  size_t count = 0;
  for (const auto& [name, value] : page.samples) count += name.starts_with("hawser_rejects_total{") ? 1 : 0;
  EXPECT_EQ(count, kRejectCount - 1);
}

TEST(Prometheus, OnlyTheEndsThatHappenedAreShown) {
  WorkerStats stats;
  stats.CountClose(ClosedBy::kClient, 1000);
  stats.CountClose(ClosedBy::kPolicy, 4321);
  Totals totals;
  stats.AddTo(totals);
  const Page page(RenderPrometheus(totals, {}));
  EXPECT_EQ(page["hawser_tunnel_closes_total{closed_by=\"client\",code=\"1000\"}"], 1);
  EXPECT_EQ(page["hawser_tunnel_closes_total{closed_by=\"policy\",code=\"4xxx\"}"], 1);
  EXPECT_THAT(page.samples,
              testing::Not(Contains(Key("hawser_tunnel_closes_total{closed_by=\"proxy\",code=\"1000\"}"))));
}

TEST(Prometheus, AGaugeBelowZeroIsShownAsOne) {
  WorkerStats stats;
  stats.Subtract(Metric::kTunnelsOpen, 2);
  Totals totals;
  stats.AddTo(totals);
  EXPECT_EQ(Page(RenderPrometheus(totals, {}))["hawser_tunnels_open"], -2);
}

TEST(Prometheus, HistogramBucketsAreCumulative) {
  WorkerStats stats;
  stats.Observe(Histogram::kRttClient, 2ms);
  stats.Observe(Histogram::kRttClient, 30ms);
  stats.Observe(Histogram::kRttClient, 60s);
  Totals totals;
  stats.AddTo(totals);
  const Page page(RenderPrometheus(totals, {}));
  EXPECT_EQ(page.types.at("hawser_ping_rtt_seconds"), "histogram");
  EXPECT_EQ(page["hawser_ping_rtt_seconds_bucket{peer=\"client\",le=\"0.001\"}"], 0);
  EXPECT_EQ(page["hawser_ping_rtt_seconds_bucket{peer=\"client\",le=\"0.025\"}"], 1);
  EXPECT_EQ(page["hawser_ping_rtt_seconds_bucket{peer=\"client\",le=\"10\"}"], 2);
  EXPECT_EQ(page["hawser_ping_rtt_seconds_bucket{peer=\"client\",le=\"+Inf\"}"], 3);
  EXPECT_EQ(page["hawser_ping_rtt_seconds_count{peer=\"client\"}"], 3);
  EXPECT_DOUBLE_EQ(page["hawser_ping_rtt_seconds_sum{peer=\"client\"}"], 60.032);
  EXPECT_EQ(page["hawser_ping_rtt_seconds_count{peer=\"backend\"}"], 0);
  EXPECT_EQ(page["hawser_handshake_seconds_bucket{le=\"+Inf\"}"], 0);
}

TEST(Prometheus, SamplesOfOneNameAreOneFamilyWhereverTheyStand) {
  static constexpr std::string_view kLabels[] = {"cluster", "endpoint"};
  static constexpr FamilySpec kHealthy = {"hawser_endpoint_healthy", MetricType::kGauge, "1 or 0.", kLabels};
  static constexpr FamilySpec kOpen = {"hawser_endpoint_tunnels_open", MetricType::kGauge, "Tunnels.",
                                       kLabels};
  const std::vector<ExtraSample> extra = {
      {.family = kHealthy, .labels = {"chat", "127.0.0.1:1"}, .value = 1},
      {.family = kOpen, .labels = {"chat", "127.0.0.1:1"}, .value = 7},
      {.family = kHealthy, .labels = {"chat", "127.0.0.1:2"}, .value = 0}};
  const Page page(RenderPrometheus(Totals(), extra));
  EXPECT_EQ(page["hawser_endpoint_healthy{cluster=\"chat\",endpoint=\"127.0.0.1:1\"}"], 1);
  EXPECT_EQ(page["hawser_endpoint_healthy{cluster=\"chat\",endpoint=\"127.0.0.1:2\"}"], 0);
  EXPECT_EQ(page["hawser_endpoint_tunnels_open{cluster=\"chat\",endpoint=\"127.0.0.1:1\"}"], 7);
  EXPECT_THAT(page.types, Contains(Pair("hawser_endpoint_healthy", "gauge")));
}

TEST(Prometheus, LabelValuesAreEscaped) {
  static constexpr std::string_view kPath[] = {"path"};
  static constexpr FamilySpec kFamily = {"hawser_x", MetricType::kGauge, "X.", kPath};
  const std::vector<ExtraSample> extra = {{.family = kFamily, .labels = {"a\"b\\c\nd"}, .value = 1}};
  EXPECT_EQ(Page(RenderPrometheus(Totals(), extra))["hawser_x{path=\"a\\\"b\\\\c\\nd\"}"], 1);
}

TEST(ProcessSamples, HavePlausibleValues) {
  const Page page(RenderPrometheus(Totals(), ProcessSamples("1.2.3")));
  EXPECT_GE(page["process_open_fds"], 3);
  EXPECT_GE(page["process_max_fds"], page["process_open_fds"]);
  EXPECT_GT(page["process_resident_memory_bytes"], 1e6);
  EXPECT_GT(page["process_virtual_memory_bytes"], page["process_resident_memory_bytes"]);
  EXPECT_GT(page["process_cpu_seconds_total"], 0);
  const double now =
      std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  EXPECT_NEAR(page["process_start_time_seconds"], now, 600);
  EXPECT_EQ(page["hawser_build_info{version=\"1.2.3\"}"], 1);
}

}  // namespace
}  // namespace hawser::stats
