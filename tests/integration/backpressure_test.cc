// A reader that does not read stalls its sender and costs hawser no memory; when it reads again, no byte is
// missing.
#include <gtest/gtest.h>

#include "tests/integration/harness/certificate.h"
#include "tests/integration/harness/flood.h"
#include "tests/integration/harness/scenario.h"

namespace hawser::integration {
namespace {

// A frame of 1 MiB whose first bytes are its number.
std::string NumberedFrame(uint64_t number, bool masked) {
  const Frame frame{.opcode = kBinary, .payload = NumberedBlock(number)};
  return masked ? EncodeMasked(frame) : Encode(frame);
}

auto Frames(bool masked) {
  return [masked](uint64_t number) { return NumberedFrame(number, masked); };
}

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
  Flood flood(from, frames, Frames(masked));
  ASSERT_TRUE(flood.Stalled());
  EXPECT_LT(flood.sent(), 64 * kMiB) << "somebody buffers what is not read";
  EXPECT_LT(world.hawser().ResidentBytes(), before + MostGrowth());
  EXPECT_EQ(WrongFrames(to, frames, masked), 0u);
  EXPECT_LT(world.hawser().ResidentBytes(), before + MostGrowth());
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
  Flood flood(tunnel.backend, 64, Frames(false));
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
    Flood flood(tunnel.backend, 64, Frames(false));
    ASSERT_TRUE(flood.Stalled());
  }
  tunnel.client.Reset();
  EXPECT_NE(tunnel.backend.ReadEnd(), End::kOpen);
}

}  // namespace
}  // namespace hawser::integration
