#include "proxy/http/characters.h"

#include <bit>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace hawser::http {
namespace {

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

size_t FindControl(std::string_view text, size_t from) {
#ifdef __SSE2__
  for (; text.size() - from >= 16; from += 16) {
    if (const unsigned controls = ControlsAmong(text.data() + from)) {
      return from + static_cast<size_t>(std::countr_zero(controls));
    }
  }
  if (text.size() >= 16) {  // what is left is the end of the last sixteen
    const size_t last = text.size() - 16;
    const unsigned controls = ControlsAmong(text.data() + last) >> (from - last);
    return controls == 0 ? text.size() : from + static_cast<size_t>(std::countr_zero(controls));
  }
#endif
  while (from < text.size() && Is(text[from], kFieldCharacter)) ++from;
  return from;
}

}  // namespace hawser::http
