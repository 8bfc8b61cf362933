#include "proxy/http/characters.h"

#include <string>

#include "gtest/gtest.h"

namespace hawser::http {
namespace {

bool IsControl(int byte) {
  return (byte < 0x20 && byte != '\t') || byte == 0x7f;
}

// At every place of a text that is longer than two vectors, from every start.
TEST(FindControl, FindsEveryControlCharacterAtEveryPlace) {
  for (int byte = 0; byte < 256; ++byte) {
    for (size_t place = 0; place < 40; ++place) {
      std::string text(40, 'x');
      text[place] = static_cast<char>(byte);
      EXPECT_EQ(FindControl(text, 0), IsControl(byte) ? place : text.size()) << byte;
      EXPECT_EQ(FindControl(text, place), IsControl(byte) ? place : text.size()) << byte;
      EXPECT_EQ(FindControl(text, place + 1), text.size()) << byte;
    }
  }
}

TEST(FindControl, FindsTheFirstOfMany) {
  EXPECT_EQ(FindControl(std::string(64, '\n'), 17), 17u);
  EXPECT_EQ(FindControl("", 0), 0u);
}

}  // namespace
}  // namespace hawser::http
