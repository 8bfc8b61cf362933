// What a source of endpoints (a name, a file) tells those that use it.
#pragma once

#include <cstdint>

namespace hawser::cluster {

enum class News : uint8_t {
  kAnswer,   // it may have changed
  kFailure,  // there is no answer: it has not changed
};

}  // namespace hawser::cluster
