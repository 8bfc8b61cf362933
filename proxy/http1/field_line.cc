#include "proxy/http1/field_line.h"

#include "proxy/http/characters.h"

namespace hawser::http1 {

bool ParseFieldLine(std::string_view line, http::Header& header) {
  const size_t colon = http::CountLeading(line, http::kTokenCharacter);
  if (colon == 0 || colon == line.size() || line[colon] != ':') return false;
  header.name = line.substr(0, colon);
  header.value = http::TrimWhitespace(line.substr(colon + 1));
  return true;
}

}  // namespace hawser::http1
