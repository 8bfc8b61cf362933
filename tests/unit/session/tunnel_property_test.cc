// The tunnel model of tunnel_model.h, driven by two hundred random seeds. `./dev fuzz` drives it for longer.
#include <random>

#include "tests/unit/session/tunnel_model.h"

namespace hawser::session {
namespace {

TEST(TunnelProperty, WhatArrivesIsWhatWasSentPlusWholeFramesAtLegalPlaces) {
  const auto turns = std::make_shared<SteppedLoop>();
  for (unsigned seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    TunnelModel([&](uint32_t limit) { return static_cast<uint32_t>(random() % limit); }, turns).Run();
    if (testing::Test::HasFailure()) return;
  }
}

}  // namespace
}  // namespace hawser::session
