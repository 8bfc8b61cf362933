// Values that have a unit or a form of their own.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "proxy/base/clock.h"

namespace hawser::config {

using base::Duration;
using namespace std::chrono_literals;

struct ByteSize {  // written 64KiB, 1MiB, 512
  uint64_t bytes = 0;
  bool operator==(const ByteSize&) const = default;
};

struct Rate {  // written 20/s, 100/m, 5/h
  double per_second = 0;
  bool operator==(const Rate&) const = default;
};

struct ByteRate {  // written 64KiB/s, 1MB/m
  double per_second = 0;
  bool operator==(const ByteRate&) const = default;
};

// A close code that hawser sends: 1001, 1011 to 1014, 3000 to 4999.
struct CloseCode {
  uint16_t code = 1001;
  bool operator==(const CloseCode&) const = default;
};

// The close code for a client whose backend is lost: 1001, 1011 to 1014, 3000 to 4999; 0: no close frame.
struct LostCode {
  uint16_t code = 1001;
  bool operator==(const LostCode&) const = default;
};

struct Secret {  // never printed
  std::string value;
  bool operator==(const Secret&) const = default;
};

}  // namespace hawser::config
