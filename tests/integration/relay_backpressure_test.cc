// Large bodies against a reader that does not read: the sender is stalled, hawser's memory stays flat, and
// when the reader reads again, no byte is missing.
#include <gtest/gtest.h>

#include "tests/integration/harness/flood.h"
#include "tests/integration/harness/scenario.h"

namespace hawser::integration {
namespace {

constexpr uint64_t kBlocks = 256;

std::string Sized(const std::string& start) {
  return start + "\r\nContent-Length: " + std::to_string(kBlocks * kMiB) + "\r\n\r\n";
}
std::string Chunked(const std::string& start) {
  return start + "\r\nTransfer-Encoding: chunked\r\n\r\n";
}

std::string Chunk(uint64_t number) {
  return fmt::format("{:x}\r\n{}\r\n{}", kMiB, NumberedBlock(number),
                     number + 1 == kBlocks ? "0\r\n\r\n" : "");
}

// Payload of a chunked body, piece by piece: chunks may have been cut anew.
class ChunkReader {
 public:
  explicit ChunkReader(Wire& wire) : wire_(wire) {}

  std::string Read(size_t count) {
    std::string payload;
    while (payload.size() < count && !testing::Test::HasFailure()) {
      if (left_ == 0) left_ = std::strtoull(wire_.ReadThrough("\r\n").c_str(), nullptr, 16);
      if (left_ == 0) break;
      const std::string piece = wire_.Read(std::min(left_, count - payload.size()));
      payload += piece;
      left_ -= piece.size();
      if (left_ == 0) wire_.ReadThrough("\r\n");
    }
    return payload;
  }

 private:
  Wire& wire_;
  size_t left_ = 0;
};

// Floods `from` and reads at `to` only once the flood is stalled.
void ExpectFlatRelay(HawserProcess& hawser, Wire& from, Wire& to, bool chunked) {
  const size_t before = hawser.ResidentBytes();
  Flood flood(from, kBlocks, chunked ? Chunk : NumberedBlock);
  ASSERT_TRUE(flood.Stalled());
  EXPECT_LT(flood.sent(), 64 * kMiB) << "somebody stores what is not read";
  EXPECT_LT(hawser.ResidentBytes(), before + MostGrowth());
  ChunkReader chunks(to);
  uint64_t wrong = 0;
  for (uint64_t number = 0; number < kBlocks && !testing::Test::HasFailure(); ++number) {
    wrong += (chunked ? chunks.Read(kMiB) : to.Read(kMiB)) != NumberedBlock(number);
  }
  EXPECT_EQ(wrong, 0u);
  EXPECT_LT(hawser.ResidentBytes(), before + MostGrowth());
}

void ExpectFlatDownload(bool chunked) {
  OneBackend world;
  Wire client = world.Connect();
  client.Send(PlainGet("/"));
  Wire backend = world.backend().Accept();
  ReadHead(backend);
  backend.Send(chunked ? Chunked("HTTP/1.1 200 OK") : Sized("HTTP/1.1 200 OK"));
  EXPECT_EQ(ReadHead(client).status(), 200);
  ExpectFlatRelay(world.hawser(), backend, client, chunked);
}

void ExpectFlatUpload(bool chunked) {
  OneBackend world;
  Wire client = world.Connect();
  const std::string start = "POST / HTTP/1.1\r\nHost: hawser.test";
  client.Send(chunked ? Chunked(start) : Sized(start));
  Wire backend = world.backend().Accept();
  ReadHead(backend);
  ExpectFlatRelay(world.hawser(), client, backend, chunked);
  if (chunked) {
    EXPECT_EQ(backend.Read(5), "0\r\n\r\n");
  }
  backend.Send(Response("200 OK", "all of it"));
  EXPECT_EQ(ReadBody(client, ReadHead(client)), "all of it");
}

TEST(RelayBackpressure, ASlowClientWith256MiBBehindItLeavesTheMemoryFlat) {
  ExpectFlatDownload(false);
}
TEST(RelayBackpressure, ASlowClientOfAChunkedBodyLeavesTheMemoryFlat) {
  ExpectFlatDownload(true);
}
TEST(RelayBackpressure, ASlowBackendWith256MiBBehindItLeavesTheMemoryFlat) {
  ExpectFlatUpload(false);
}
TEST(RelayBackpressure, ASlowBackendOfAChunkedBodyLeavesTheMemoryFlat) {
  ExpectFlatUpload(true);
}

}  // namespace
}  // namespace hawser::integration
