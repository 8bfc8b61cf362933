// A hundred reloads under a thousand tunnels that exchange messages all the time.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <random>

#include "tests/integration/harness/certificate.h"
#include "tests/integration/harness/scenario.h"
#include "tests/integration/harness/site.h"

namespace hawser::integration {
namespace {

struct Scale {
  int tunnels;
  int reloads;
  int settled;  // the reload from which on memory is compared
};
// The sanitizers take ten times as long, and keep what was freed.
Scale ScaleOf() {
  return IsSanitized() ? Scale{.tunnels = 100, .reloads = 20, .settled = 20}
                       : Scale{.tunnels = 1000, .reloads = 100, .settled = 20};
}

// A tunnel with a message under way over each reload: half of it is sent before, half after.
class Talker {
 public:
  explicit Talker(Wire client) : client_(std::move(client)) {}

  void Begin(std::mt19937& random) {
    payload_.resize(1 + random() % 600);
    for (char& byte : payload_) byte = static_cast<char>(random());
    const std::string bytes =
        EncodeMasked({.opcode = kBinary, .payload = payload_}, static_cast<uint32_t>(random()));
    const size_t half = random() % (bytes.size() + 1);
    EXPECT_TRUE(client_.Send(bytes.substr(0, half)));
    rest_ = bytes.substr(half);
  }
  void End() { EXPECT_TRUE(client_.Send(rest_)); }
  // Whether the message has come back, every byte of it.
  bool Hears() {
    const Frame frame = ReadFrame(client_);
    return frame.opcode == kBinary && frame.payload == payload_;
  }
  Wire& client() { return client_; }

 private:
  Wire client_;
  std::string payload_;
  std::string rest_;
};

class ReloadChurn : public testing::Test {
 protected:
  ReloadChurn() : plain_(UnusedAddress()), tls_(UnusedAddress()), brief_{UnusedAddress(), UnusedAddress()} {}

  // Generation `number`: what stays, and beside it what comes and goes with every reload.
  Site At(int number) {
    const int odd = number % 2;
    Site site;
    site.top = {"drain: { reload: { window: 0s } }"};
    site.listeners = {
        ListenerOf("plain", plain_, fmt::format("limits: {{ connections: {} }}", 10'000 + number)),
        ListenerOf("secure", tls_,
                   fmt::format("tls: {{ certificates: [ {{ certificate: {}, private_key: {} }} ] }}",
                               certificate_.certificate, certificate_.private_key)),
        ListenerOf(fmt::format("brief-{}", number), brief_[odd])};
    site.routes = {
        RouteOf("stays", "stays",
                fmt::format("websocket: {{ keepalive: {{ interval: 0s }}, max_message_bytes: {} }}",
                            100'000 + number)),
        RouteOf(fmt::format("brief-{}", number), fmt::format("brief-{}", number), "match: { path: /brief }")};
    std::vector<std::string> endpoints = {echo_.address()};
    if (odd != 0) endpoints.push_back(other_.address());
    site.clusters = {ClusterOf("stays", endpoints),
                     ClusterOf(fmt::format("brief-{}", number), {other_.address()})};
    return site;
  }
  std::string NameOf(int number) { return fmt::format("g{}.test", number); }
  void SwapCertificate(int number) {
    certificate_ = MakeCertificate(files_, "tls", {NameOf(number)}, 90, number + 1);
  }
  Talker Open(bool secure) {
    Wire client = Join(secure ? tls_ : plain_, {.target = "/stays"}, nullptr, {.tls = secure});
    EXPECT_TRUE(client.open());
    return Talker(std::move(client));
  }
  // A tunnel by the route, and one by the listener, that the next generation does not have.
  void OpenBrief(int number) {
    brief_tunnels_.push_back(Join(plain_, {.target = "/brief"}));
    brief_tunnels_.push_back(Join(brief_[number % 2], {.target = "/stays"}));
    for (Wire& tunnel : brief_tunnels_) ExpectEcho(tunnel);
  }
  void CloseBrief() {
    for (Wire& tunnel : brief_tunnels_) ExpectClosed(tunnel, 1012);
    brief_tunnels_.clear();
  }
  void Reload(int number) {
    for (Talker& talker : talkers_) talker.Begin(random_);
    SwapCertificate(number);
    const Reloaded reloaded = Apply(*hawser_, At(number));
    EXPECT_EQ(reloaded.generation(), number + 1);
    for (Talker& talker : talkers_) talker.End();
    size_t lost = 0;
    for (Talker& talker : talkers_) lost += !talker.Hears();
    ASSERT_EQ(lost, 0U) << "in reload " << number;
    EXPECT_EQ(Wire::Connect(tls_, {.tls = true}).peer_name(), NameOf(number));
  }
  // Some of the first make room for some of this generation, which stay until the end. One over TLS in every
  // tenth: OpenSSL keeps a context with its certificate, 20 KB, for as long as a connection made with it.
  void Renew(int number, int count) {
    for (int i = 0; i < count; ++i) {
      ExpectOrderlyEnd(talkers_.front().client());
      talkers_.pop_front();
      talkers_.push_back(Open(i == 0 && number % 10 == 0));
    }
  }
  static void ExpectOrderlyEnd(Wire& client) {
    client.Send(EncodeMasked({.opcode = kClose, .payload = ClosePayload(1000)}));
    EXPECT_EQ(ReadFrame(client).close_code(), 1000);
  }

  const std::string plain_, tls_, brief_[2];
  const Directory files_;
  CertificateFiles certificate_;
  EchoBackend echo_{"echo"};
  EchoBackend other_{"other"};
  std::optional<HawserProcess> hawser_;
  std::deque<Talker> talkers_;
  std::vector<Wire> brief_tunnels_;
  std::mt19937 random_{12};
};

TEST_F(ReloadChurn, NothingIsLostAndNothingIsLeft) {
  const Scale scale = ScaleOf();
  SwapCertificate(0);
  hawser_.emplace(At(0).Yaml(), 2);
  for (int i = 0; i < scale.tunnels; ++i) talkers_.push_back(Open(i % 10 == 0));
  EXPECT_TRUE(hawser_->MetricIs("hawser_tunnels_open", scale.tunnels));
  Reload(1);  // what only the first needs is there
  const int threads = hawser_->Threads();
  const int files = hawser_->OpenFiles();
  size_t settled = 0;
  for (int number = 2; number <= scale.reloads; ++number) {
    OpenBrief(number - 1);
    Reload(number);
    CloseBrief();
    if (HasFatalFailure()) return;
    Renew(number, std::max(1, scale.tunnels / 200));
    if (number == scale.settled) settled = hawser_->ResidentBytes();
  }
  const size_t at_the_end = hawser_->ResidentBytes();
  if (!IsSanitized()) {
    EXPECT_LT(static_cast<double>(at_the_end), 1.05 * static_cast<double>(settled));
  }
  EXPECT_TRUE(hawser_->MetricIs("hawser_tunnels_open", scale.tunnels));
  EXPECT_TRUE(Eventually([&] { return hawser_->OpenFiles() <= files; }))
      << hawser_->OpenFiles() << " and not " << files;
  EXPECT_EQ(hawser_->Threads(), threads);
  EXPECT_EQ(hawser_->Metric("hawser_config_reloads_total", {"applied"}), scale.reloads);
}

}  // namespace
}  // namespace hawser::integration
