// The grammar of what may stand between a chunk's size and its CRLF (RFC 9112 §7.1.1), one byte at a time:
//
//   chunk-ext = *( BWS ";" BWS chunk-ext-name [ BWS "=" BWS chunk-ext-val ] )
//
// with a token as name, a token or a quoted string as value, and BWS any number of spaces and tabs, which
// must be accepted and never sent (RFC 9110 §5.6.3). Extensions are not stored and not passed on.
#pragma once

#include <cstdint>

namespace hawser::http1 {

class ChunkExtensions {
 public:
  // `padded_size`: white space may end the line behind the size, which is not of the grammar.
  explicit ChunkExtensions(bool padded_size = false) : padded_size_(padded_size) {}

  // Takes the next byte of the line, its CR excluded. False: it breaks the grammar.
  [[nodiscard]] bool Take(char c);

  // Whether the line may end here.
  bool MayEnd() const;

 private:
  enum class State : uint8_t {
    kSize,  // right behind the size
    kPadding,
    kBeforeName,
    kName,
    kAfterName,
    kBeforeValue,
    kValue,
    kQuoted,
    kEscaped,  // behind the backslash of a quoted string
    kQuotedEnd,
    kAfterValue,
    kBroken,
  };

  State Step(char c) const;

  State state_ = State::kSize;
  bool padded_size_;
};

}  // namespace hawser::http1
