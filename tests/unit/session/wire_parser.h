// Takes apart what a peer of the tunnel received, without any code of the proxy, as it comes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace hawser::session {

struct WireFrame {
  int opcode = 0;
  bool fin = false;
  bool masked = false;
  std::string payload;  // unmasked; of a control frame
  std::string bytes;    // as it was on the wire
};

class WireParser {
 public:
  // `all` is everything since the beginning.
  void Feed(std::string_view all) {
    if (all.size() == fed_) return;
    rest_.append(all.substr(fed_));
    fed_ = all.size();
    size_t taken = 0;
    while (const size_t size = TakeFrame(std::string_view(rest_).substr(taken))) taken += size;
    rest_.erase(0, taken);
  }

  const std::vector<WireFrame>& frames() const { return frames_; }
  // The start of a frame whose end has not come.
  const std::string& rest() const { return rest_; }

 private:
  static uint64_t Byte(std::string_view bytes, size_t at) { return static_cast<uint8_t>(bytes[at]); }

  // The size of the frame at the start of `bytes`; 0 if it is not whole.
  size_t TakeFrame(std::string_view bytes) {
    if (bytes.size() < 2) return 0;
    WireFrame frame{.opcode = static_cast<int>(Byte(bytes, 0) & 15),
                    .fin = (Byte(bytes, 0) & 0x80) != 0,
                    .masked = (Byte(bytes, 1) & 0x80) != 0};
    uint64_t length = Byte(bytes, 1) & 0x7f;
    size_t header = 2;
    if (const size_t more = length == 126 ? 2 : length == 127 ? 8 : 0; more > 0) {
      if (bytes.size() < header + more) return 0;
      length = 0;
      for (size_t i = 0; i < more; ++i) length = length << 8 | Byte(bytes, header + i);
      header += more;
    }
    const size_t mask = header;
    header += frame.masked ? 4 : 0;
    if (bytes.size() < header || bytes.size() - header < length) return 0;
    if (frame.opcode >= 8) frame.payload = bytes.substr(header, length);
    for (size_t i = 0; frame.masked && i < frame.payload.size(); ++i) {
      frame.payload[i] =
          static_cast<char>(static_cast<uint8_t>(frame.payload[i]) ^ Byte(bytes, mask + i % 4));
    }
    frame.bytes = bytes.substr(0, header + length);
    frames_.push_back(frame);
    return frame.bytes.size();
  }

  size_t fed_ = 0;
  std::vector<WireFrame> frames_;
  std::string rest_;
};

}  // namespace hawser::session
