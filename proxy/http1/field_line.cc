#include "proxy/http1/field_line.h"

#include <bit>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "proxy/http/characters.h"

namespace hawser::http1 {
namespace {

bool IsControl(char c) {
  return !http::Is(c, http::kFieldCharacter);
}

#ifdef __SSE2__
// Bit i is set where byte i of the sixteen is a control character.
unsigned ControlsAmong(const char* sixteen) {
  const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(sixteen));
  const __m128i low = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1f)), bytes);
  const __m128i tab = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\t'));
  const __m128i del = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(0x7f));
  return static_cast<unsigned>(_mm_movemask_epi8(_mm_or_si128(_mm_andnot_si128(tab, low), del)));
}
#endif

}  // namespace

size_t FindControl(std::string_view bytes, size_t from) {
#ifdef __SSE2__
  for (; bytes.size() - from >= 16; from += 16) {
    if (const unsigned controls = ControlsAmong(bytes.data() + from)) {
      return from + static_cast<size_t>(std::countr_zero(controls));
    }
  }
#endif
  while (from < bytes.size() && !IsControl(bytes[from])) ++from;
  return from;
}

bool ParseFieldLine(std::string_view line, http::Header& header) {
  const size_t colon = http::CountLeading(line, http::kTokenCharacter);
  if (colon == 0 || colon == line.size() || line[colon] != ':') return false;
  header.name = line.substr(0, colon);
  header.value = http::TrimWhitespace(line.substr(colon + 1));
  return true;
}

}  // namespace hawser::http1
