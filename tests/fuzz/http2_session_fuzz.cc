// A server session fed with any bytes behind the preface, in pieces of any size: it answers every request,
// never holds more than its windows allow, frees every stream, and writes only whole frames.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proxy/http2/session.h"
#include "tests/fakes/fake_stream.h"

namespace {

using namespace hawser;

void Check(bool holds) {
  if (!holds) std::abort();
}

// Reads what its request has and answers it, or leaves it alone, as the request's length says.
class Answerer final : public event::IoHandler {
 public:
  Answerer(event::Loop& loop, http2::Session::Arrival arrival)
      : loop_(loop), stream_(std::move(arrival.stream)) {
    Check(arrival.reject != http::Reject::kNone || !arrival.head.method.empty());
    for (const http::Header& header : arrival.head.headers) Check(!header.name.empty());
    stream_->Watch(this, 0);
    stream_->Want({.read = true});
    http::ResponseHead head;
    head.status = 404;
    head.body = arrival.head.target.size() % 2 == 0;
    Check(stream_->SendResponse(head, true));
    if (head.body) (void)stream_->Write(std::as_bytes(std::span("not found")));
    if (arrival.head.target.size() % 3 == 0) stream_->ShutdownWrite();
  }

  void OnReady(event::Ready) override {
    const auto scratch = loop_.scratch();
    const net::IoResult got = stream_->Read(scratch);
    if (got.state == net::IoState::kEnd || got.state == net::IoState::kError)
      stream_->Close(net::CloseReason::kOrderly);
  }

 private:
  event::Loop& loop_;
  std::unique_ptr<http2::ServerStream> stream_;
};

void CheckFrames(std::string_view bytes) {
  while (!bytes.empty()) {
    Check(bytes.size() >= 9);
    const auto byte = [&](size_t i) { return static_cast<size_t>(static_cast<uint8_t>(bytes[i])); };
    const size_t length = byte(0) << 16 | byte(1) << 8 | byte(2);
    Check(length <= 16384 && bytes.size() >= 9 + length);
    bytes.remove_prefix(9 + length);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const auto loop = event::Loop::Create().value();
  if (size == 0) return 0;
  net::BufferPool pool;
  http2::Settings settings;
  settings.max_concurrent_streams = 5;
  settings.stream_window = 1024;
  settings.head = {.bytes = 512, .fields = 10};
  auto owned = std::make_unique<fakes::FakeStream>();
  fakes::FakeStream& transport = *owned;
  {
    http2::Session session(http2::Role::kServer, settings, *loop, pool, std::move(owned));
    std::vector<std::unique_ptr<Answerer>> answerers;
    transport.LimitReads(1 + data[0]);
    transport.Feed(http2::kPreface);
    transport.Feed({reinterpret_cast<const char*>(data + 1), size - 1});
    transport.FeedEnd();
    for (int i = 0; i < 1000 && session.end() == http2::End::kNone; ++i) {
      const bool moved = transport.Deliver();
      loop->RunOnce(base::Duration(0));
      while (auto arrival = session.Accept()) {
        answerers.push_back(std::make_unique<Answerer>(*loop, std::move(*arrival)));
      }
      Check(session.streams() <= settings.max_concurrent_streams);
      Check(pool.in_use() < 16);
      if (!moved) break;
    }
    CheckFrames(transport.written());
  }
  Check(pool.in_use() == 0);
  return 0;
}
