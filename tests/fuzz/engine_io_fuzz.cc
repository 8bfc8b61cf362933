// The first bytes of any body, whole and torn: the same session is found or none, and it is one that a query
// can name.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>

#include "proxy/http/engine_io.h"

namespace {

using namespace hawser;
using http::OpenPacketReader;

void Check(bool holds) {
  if (!holds) std::abort();
}

std::string SessionIn(std::span<const std::byte> body, size_t step) {
  OpenPacketReader reader;
  for (; !body.empty(); body = body.subspan(std::min(step, body.size()))) {
    reader.Read(body.first(std::min(step, body.size())));
  }
  return reader.Read({}) == OpenPacketReader::State::kFound ? std::string(reader.session()) : "";
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto body = std::as_bytes(std::span(data, size));
  const std::string session = SessionIn(body, size == 0 ? 1 : size);
  Check(SessionIn(body, 1) == session);
  Check(SessionIn(body, 13) == session);
  if (session.empty()) return 0;
  const std::string target = "/socket.io/?EIO=4&sid=" + session + "&t=1";
  http::RequestHead head;
  head.target = target;
  Check(http::EngineIoSessionOf(head) == session);
  return 0;
}
