// HAWSER_DCHECK(condition) checks a precondition. It is on in debug, asan, tsan and fuzz builds; in release
// the condition is compiled and never evaluated. A failed condition ends the process: it is a bug in hawser.
// Errors that a peer or a file can cause are handled instead.
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
