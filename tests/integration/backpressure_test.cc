// A reader that does not read stalls its sender and costs hawser nothing; when it reads again, nothing is missing.
#include <gtest/gtest.h>

#include <atomic>
#include <cstring>
#include <thread>

#include "tests/integration/harness/certificate.h"
#include "tests/integration/harness/scenario.h"

namespace hawser::integration {
namespace {

constexpr size_t kMiB = 1 << 20;
#ifdef __SANITIZE_ADDRESS__
constexpr size_t kGrowth = 64 * kMiB;  // freed memory stays in the sanitizer's quarantine
#else
constexpr size_t kGrowth = 4 * kMiB;
#endif

// A frame of 1 MiB whose first bytes tell its number.
std::string NumberedFrame(uint64_t number, bool masked) {
  Frame frame{.opcode = kBinary, .payload = std::string(kMiB, static_cast<char>(number * 37))};
  std::memcpy(frame.payload.data(), &number, sizeof number);
  return masked ? EncodeMasked(frame) : Encode(frame);
}

// Sends numbered frames from a thread and counts what the socket took.
class Flood {
 public:
  Flood(Wire& wire, uint64_t frames, bool masked)
      : thread_([this, &wire, frames, masked] {
          for (uint64_t number = 0; number < frames; ++number) {
            const std::string bytes = NumberedFrame(number, masked);
            for (size_t sent = 0; sent < bytes.size() && !stop_;) {
              const size_t taken = wire.SendSome(std::string_view(bytes).substr(sent));
              sent += taken;
              sent_ += taken;
              if (taken == 0) std::this_thread::yield();
            }
          }
        }) {}
  ~Flood() {
    stop_ = true;
    thread_.join();
  }

  size_t sent() const { return sent_; }
  // Waits until the socket has taken nothing more for many looks in a row.
  bool Stalled() {
    size_t last = 0;
    int same = 0;
    return Eventually([&] {
      same = sent_ == last && last > 0 ? same + 1 : 0;
      last = sent_;
      return same > 200;
    });
  }

 private:
  std::atomic<size_t> sent_ = 0;
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

uint64_t WrongFrames(Wire& wire, uint64_t frames, bool masked) {
  uint64_t wrong = 0;
  for (uint64_t number = 0; number < frames && !testing::Test::HasFailure(); ++number) {
    const std::string expected = NumberedFrame(number, masked);
    wrong += wire.Read(expected.size()) != expected;
  }
  return wrong;
}

void ExpectFlat(OneBackend& world, Tunnel& tunnel, Wire& from, Wire& to, uint64_t frames, bool masked) {
  ExpectAlive(tunnel);
  const size_t before = world.hawser().ResidentBytes();
  Flood flood(from, frames, masked);
  ASSERT_TRUE(flood.Stalled());
  EXPECT_LT(flood.sent(), 64 * kMiB) << "somebody buffers what is not read";
  EXPECT_LT(world.hawser().ResidentBytes(), before + kGrowth);
  EXPECT_EQ(WrongFrames(to, frames, masked), 0u);
  EXPECT_LT(world.hawser().ResidentBytes(), before + kGrowth);
}

TEST(Backpressure, ASlowClientWith256MiBBehindItLeavesTheMemoryFlatAndLosesNothing) {
  OneBackend world;
  Tunnel tunnel = world.Open();
  ExpectFlat(world, tunnel, tunnel.backend, tunnel.client, 256, false);
  ExpectAlive(tunnel);
}

TEST(Backpressure, ASlowBackendWith128MiBBehindItLeavesTheMemoryFlatAndLosesNothing) {
  OneBackend world;
  Tunnel tunnel = world.Open();
  ExpectFlat(world, tunnel, tunnel.client, tunnel.backend, 128, true);
  ExpectAlive(tunnel);
}

TEST(Backpressure, ASlowTlsClientLeavesTheMemoryFlatToo) {
  Directory directory;
  const CertificateFiles files = MakeCertificate(directory, "server", {"hawser.test"});
  OneBackend world(
      {.listener = {fmt::format("tls: {{ certificates: [ {{ certificate: {}, private_key: {} }} ] }}",
                                files.certificate, files.private_key)}});
  Tunnel tunnel = world.Open({}, {}, {.tls = true});
  ExpectFlat(world, tunnel, tunnel.backend, tunnel.client, 96, false);
}

TEST(Backpressure, TheOtherDirectionRunsWhileOneIsStalled) {
  OneBackend world;
  Tunnel tunnel = world.Open();
  Flood flood(tunnel.backend, 64, false);
  ASSERT_TRUE(flood.Stalled());
  for (int i = 0; i < 100; ++i) {
    tunnel.client.Send(EncodeMasked({.payload = std::to_string(i)}));
    ASSERT_EQ(ReadFrame(tunnel.backend).payload, std::to_string(i));
  }
}

TEST(Backpressure, AClientThatIsCutWhileItStallsEndsItsBackend) {
  OneBackend world;
  Tunnel tunnel = world.Open();
  {
    Flood flood(tunnel.backend, 64, false);
    ASSERT_TRUE(flood.Stalled());
  }
  tunnel.client.Reset();
  EXPECT_NE(tunnel.backend.ReadEnd(), End::kOpen);
}

}  // namespace
}  // namespace hawser::integration
