// Moves large frames from socket to socket through the worker's pipe, without a copy into the process. Only
// payload that the scanner need not see is spliced, and never beyond the end of the frame. The header is
// checked first, by the rules for all frames, and after the frame the scanner is in the same state as if it
// had read everything. Frames below ws::FrameScanner::kLargeFrame are cheaper to read.
#pragma once

#include <cstddef>
#include <optional>
#include <span>

#include "proxy/net/buffer.h"
#include "proxy/net/byte_stream.h"
#include "proxy/net/pipe.h"
#include "proxy/session/side.h"
#include "proxy/ws/frame_scanner.h"

namespace hawser::session {

// What a worker lends for it.
struct SpliceMeans {
  net::Pipe& pipe;
  net::BufferPool& buffers;
  std::span<std::byte> scratch;
};

struct Spliced {
  // Of the source: as Read has it, but that kOk says nothing of whether there is more.
  net::IoState state = net::IoState::kOk;
  size_t bytes = 0;  // that have left the source's socket
  // They are in the scratch after all, unjudged: to be forwarded like any other.
  std::span<const std::byte> read;
  bool blocked = false;  // the sink's stream has just begun to block
};

// Moves the next bytes of a large frame of `source` to `sink`, which is not blocked: up to `most`, and a
// header. None: read them instead.
std::optional<Spliced> Splice(Side& source, Side& sink, const ws::ScanRules& rules, size_t most,
                              const SpliceMeans& means);

}  // namespace hawser::session
