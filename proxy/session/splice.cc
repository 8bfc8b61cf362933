#include "proxy/session/splice.h"

#include <algorithm>
#include <array>

#include "proxy/base/check.h"

namespace hawser::session {

std::optional<Spliced> Splice(Side& source, Side& sink, const ws::ScanRules& rules, size_t most,
                              const SpliceMeans& means) {
  HAWSER_DCHECK(source.forwards() && !source.carries() && !sink.blocked());
  const int source_fd = source.stream().plain_socket();
  const int sink_fd = sink.stream().plain_socket();
  if (sink.finished() || source_fd < 0 || sink_fd < 0 || !means.pipe.Ready()) return std::nullopt;

  std::array<std::byte, ws::kMaxHeaderBytes> start;
  std::span<std::byte> header;
  ws::FrameScanner ahead = source.scanner();
  if (ahead.AtBoundary()) {
    header = net::Peek(source_fd, start);
    // Fewer bytes than a header may have, or not the start of a large frame: read as usual.
    if (header.size() < start.size()) return std::nullopt;
    const ws::Scan scan = ahead.Advance(header, rules, false);
    if (scan.stop != ws::Stop::kInput || scan.bytes != header.size() || !ahead.large()) return std::nullopt;
  }
  if (!ahead.blind() || ahead.AtBoundary()) return std::nullopt;
  const uint64_t whole = header.size() + ahead.remaining();
  const net::IoResult got = means.pipe.Fill(source_fd, std::min<uint64_t>(whole, most + header.size()));
  if (got.bytes == 0) return Spliced{.state = got.state};
  if (got.bytes < header.size()) {  // the kernel may hand over less than it has shown
    means.pipe.Discard();
    std::ranges::copy(header.first(got.bytes), means.scratch.begin());
    return Spliced{.bytes = got.bytes, .read = means.scratch.first(got.bytes)};
  }
  source.scanner() = ahead;
  source.scanner().Pass(got.bytes - header.size());
  Spliced spliced{.bytes = got.bytes};
  switch (means.pipe.WriteTo(sink_fd).state) {
    case net::IoState::kOk: break;
    case net::IoState::kBlocked:
      means.pipe.Take(sink.Block(), means.buffers, means.scratch);
      spliced.blocked = true;
      break;
    case net::IoState::kEnd:
    case net::IoState::kError: sink.Break();
  }
  return spliced;
}

}  // namespace hawser::session
