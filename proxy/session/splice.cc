// The tunnel's way for large frames: from socket to socket through the worker's pipe, without a copy into the process.
// Only what the scanner need not see goes by like this, and never more than to the end of the frame: the header has been
// judged by then, by the rules for all frames, and behind the frame the scanner stands where it would stand had it read
// everything. Below ws::FrameScanner::kLargeFrame it does not pay.
#include <algorithm>
#include <array>

#include "proxy/session/tunnel.h"

namespace hawser::session {

// Moves the next bytes of a large frame, no more than a read would have taken. Nothing: they are to be read instead.
std::optional<net::IoState> Tunnel::Splice(Peer from) {
  Side& source = side(from);
  if (!source.scanner.large() || source.deaf || !source.carry.empty() || PaceOf(from) != nullptr)
    return std::nullopt;
  const Peer to = Other(from);
  Side& sink = side(to);
  const int source_fd = source.stream->plain_socket();
  const int sink_fd = sink.stream->plain_socket();
  net::Pipe& pipe = services_.pipe;
  if (sink.sealed || source_fd < 0 || sink_fd < 0 || !pipe.Ready()) return std::nullopt;

  std::array<std::byte, ws::kMaxHeaderBytes> start;
  std::span<std::byte> header;
  ws::FrameScanner ahead = source.scanner;
  if (ahead.AtBoundary()) {
    header = net::Peek(source_fd, start);
    // Fewer bytes than a header may have, or anything but the start of a large frame: read as ever.
    if (header.size() < start.size()) return std::nullopt;
    const ws::Scan scan = ahead.Advance(header, RulesFor(from), false);
    if (scan.stop != ws::Stop::kInput || scan.bytes != header.size() || !ahead.large()) return std::nullopt;
  }
  if (!ahead.blind() || ahead.AtBoundary()) return std::nullopt;
  const uint64_t whole = header.size() + ahead.remaining();
  const net::IoResult got =
      pipe.Fill(source_fd, std::min<uint64_t>(whole, settings().buffer.bytes + header.size()));
  if (got.bytes == 0) return got.state;
  source.keepalive.Heard(services_.loop.now());
  if (got.bytes < header.size()) {  // the kernel may hand over less than it has shown
    pipe.Discard();
    Count(from, got.bytes);
    Forward(from, header.first(got.bytes));
    return net::IoState::kOk;
  }
  const uint64_t messages = source.scanner.messages();
  source.scanner = ahead;
  source.scanner.Pass(got.bytes - header.size());
  Count(from, got.bytes);
  services_.stats.Add(stats::Metric::kSplicedBytes, got.bytes);
  CountMessages(from, messages);
  SendPiped(to);
  if (source.scanner.AtBoundary() && HasInjection(to) && !sink.sealed) Inject(to);
  return net::IoState::kOk;
}

// As Send, for what the pipe holds.
void Tunnel::SendPiped(Peer to) {
  Side& sink = side(to);
  const net::IoResult put = services_.pipe.WriteTo(sink.stream->plain_socket());
  if (put.state == net::IoState::kError) return OnWriteError(to);
  if (put.state == net::IoState::kOk) return;
  services_.pipe.Take(sink.backlog, services_.buffers, services_.loop.scratch());
  Block(to);
}

}  // namespace hawser::session
