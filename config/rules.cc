#include "config/rules.h"

namespace hawser::config {

std::vector<std::string_view> WordRules::Texts() const {
  std::vector<std::string_view> texts;
  for (const Word& one : words) texts.push_back(one.word);
  return texts;
}

}  // namespace hawser::config
