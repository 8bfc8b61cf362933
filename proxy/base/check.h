// HAWSER_DCHECK(condition): what a comment says must hold, checked. On in debug, asan, tsan and fuzz builds; in release
// the condition is compiled and never evaluated. A condition that fails ends the process: that is a fault of hawser's own,
// never something that a peer or a file can cause (those are handled errors).
#pragma once

#include <cstdio>
#include <cstdlib>

namespace hawser::base {

[[noreturn]] inline void CheckFailed(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "%s:%d: HAWSER_DCHECK(%s) failed\n", file, line, condition);
  std::abort();
}

}  // namespace hawser::base

#ifdef NDEBUG
#define HAWSER_DCHECK(condition) static_cast<void>(sizeof(!(condition)))
#else
#define HAWSER_DCHECK(condition) \
  ((condition) ? static_cast<void>(0) : ::hawser::base::CheckFailed(#condition, __FILE__, __LINE__))
#endif
