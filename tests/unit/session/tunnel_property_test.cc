// Random frames, cut at random places, through random windows, with pings and a close put in at random times: what each
// peer receives must be exactly the frames that the other sent, in order, plus whole frames of hawser's own.
#include <random>

#include "tests/unit/session/tunnel_harness.h"

namespace hawser::session {
namespace {

struct Traffic {
  std::string bytes;
  std::vector<Frame> frames;
};

Traffic RandomTraffic(std::mt19937& random, bool client, int count) {
  const auto upto = [&](int most) { return static_cast<int>(random() % static_cast<unsigned>(most + 1)); };
  Traffic traffic;
  bool inside = false;
  for (int i = 0; i < count; ++i) {
    ws::FrameSpec spec;
    if (upto(5) == 0) {
      spec.opcode = upto(1) == 0 ? 9 : 10;
      spec.payload = std::string(static_cast<size_t>(upto(125)), 'c');
    } else {
      spec.opcode = inside ? 0 : 2;
      spec.fin = upto(2) != 0;
      inside = !spec.fin;
      constexpr int kSizes[] = {0, 1, 125, 126, 127, 1000, 65535, 65536};
      spec.payload = std::string(static_cast<size_t>(kSizes[upto(7)]), static_cast<char>('a' + upto(25)));
    }
    traffic.frames.push_back({spec.opcode, spec.fin, spec.payload});
    traffic.bytes += client ? Masked(spec) : Plain(spec);
  }
  return traffic;
}

bool Ours(const Frame& frame) { return frame.opcode == 9 && frame.payload.starts_with("hawser"); }

// Everything that `received` holds of the other peer is a prefix of what that peer sent. Returns its length.
size_t ExpectPrefix(const Received& received, const std::vector<Frame>& sent) {
  size_t at = 0;
  for (const Frame& frame : received.frames) {
    if (Ours(frame) || (frame.opcode == 8 && &frame == &received.frames.back())) continue;
    if (at >= sent.size() || frame != sent[at]) {
      ADD_FAILURE() << "frame " << at << " is not what was sent";
      break;
    }
    ++at;
  }
  return at;
}

void FeedPieces(std::mt19937& random, fakes::FakeStream& stream, const std::string& bytes) {
  for (size_t at = 0; at < bytes.size();) {
    const size_t size = std::min<size_t>(bytes.size() - at, 1 + random() % (random() % 3 == 0 ? 20000 : 40));
    stream.Feed(std::string_view(bytes).substr(at, size));
    at += size;
  }
}

void RunOne(unsigned seed) {
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  // The shortest interval there is, so that a ping is due at nearly every turn of the loop; nobody answers it.
  config::WebSocket settings{.keepalive = {.interval = base::Duration(1), .timeout = base::Duration(0)}};
  settings.buffer.bytes = 1 + random() % 70000;
  TunnelHarness harness(settings);
  const Traffic up = RandomTraffic(random, true, 20);
  const Traffic down = RandomTraffic(random, false, 20);
  for (fakes::FakeStream* stream : {&harness.client(), &harness.backend()}) {
    stream->LimitReads(1 + random() % 5000);
    stream->LimitWrites(1 + random() % 5000);
    stream->SetRoom(random() % 3000);
  }
  harness.Start();
  FeedPieces(random, harness.client(), up.bytes);
  FeedPieces(random, harness.backend(), down.bytes);
  const bool ends = random() % 2 == 0;
  const int end_at = static_cast<int>(random() % 60);
  for (int step = 0; step < 100'000; ++step) {
    if (harness.client().unread() + harness.backend().unread() == 0 && harness.buffers().in_use() == 0) break;
    if (ends && step == end_at) harness.tunnel()->End(http::Reject::kDrained);
    if (step % 16 == 0) harness.loop().RunOnce(base::Duration(0));  // fires the pings
    fakes::FakeStream& stream = random() % 2 == 0 ? harness.client() : harness.backend();
    stream.AddRoom(random() % 4000);
    stream.Deliver();
  }
  const Received to_backend(harness.backend().written(), true);
  const Received to_client(harness.client().written(), false);
  const size_t arrived_up = ExpectPrefix(to_backend, up.frames);
  const size_t arrived_down = ExpectPrefix(to_client, down.frames);
  EXPECT_EQ(to_backend.rest, "");
  EXPECT_EQ(to_client.rest, "");
  if (!ends || end_at > 100'000) {
    EXPECT_EQ(arrived_up, up.frames.size());
    EXPECT_EQ(arrived_down, down.frames.size());
  } else if (to_client.close_code() != 0) {
    EXPECT_EQ(to_client.close_code(), 1001);
  }
}

TEST(TunnelProperty, WhatArrivesIsWhatWasSentPlusWholeFramesAtLegalPlaces) {
  for (unsigned seed = 1; seed <= 300; ++seed) {
    RunOne(seed);
    if (testing::Test::HasFailure()) return;
  }
}

}  // namespace
}  // namespace hawser::session
