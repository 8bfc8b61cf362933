#include "proxy/http1/chunk_extensions.h"

#include "proxy/base/check.h"
#include "proxy/http/characters.h"

namespace hawser::http1 {
namespace {

bool IsBlank(char c) {
  return c == ' ' || c == '\t';
}

}  // namespace

bool ChunkExtensions::Take(char c) {
  HAWSER_DCHECK(c != '\r');
  state_ = Step(c);
  return state_ != State::kBroken;
}

bool ChunkExtensions::MayEnd() const {
  switch (state_) {
    case State::kSize:
    case State::kName:
    case State::kValue:
    case State::kQuotedEnd: return true;
    case State::kPadding: return padded_size_;
    default: return false;
  }
}

ChunkExtensions::State ChunkExtensions::Step(char c) const {
  const bool token = http::Is(c, http::kTokenCharacter);
  switch (state_) {
    case State::kSize:
    case State::kPadding:
      return c == ';' ? State::kBeforeName : IsBlank(c) ? State::kPadding : State::kBroken;
    case State::kBeforeName: return IsBlank(c) ? state_ : token ? State::kName : State::kBroken;
    case State::kName:
      if (token) return state_;
      [[fallthrough]];
    case State::kAfterName:
      if (c == '=') return State::kBeforeValue;
      return c == ';' ? State::kBeforeName : IsBlank(c) ? State::kAfterName : State::kBroken;
    case State::kBeforeValue:
      if (IsBlank(c)) return state_;
      return c == '"' ? State::kQuoted : token ? State::kValue : State::kBroken;
    case State::kQuoted:
      if (c == '"') return State::kQuotedEnd;
      if (c == '\\') return State::kEscaped;
      [[fallthrough]];
    case State::kEscaped: return http::Is(c, http::kFieldCharacter) ? State::kQuoted : State::kBroken;
    case State::kValue:
      if (token) return state_;
      [[fallthrough]];
    case State::kQuotedEnd:
    case State::kAfterValue:
      return c == ';' ? State::kBeforeName : IsBlank(c) ? State::kAfterValue : State::kBroken;
    case State::kBroken: break;
  }
  return State::kBroken;
}

}  // namespace hawser::http1
