// The two macros of the code base: early return on a failed absl::Status or absl::StatusOr.
#pragma once

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#define HAWSER_RETURN_IF_ERROR(expression)                    \
  do {                                                        \
    if (absl::Status status_ = (expression); !status_.ok()) { \
      return status_;                                         \
    }                                                         \
  } while (false)

#define HAWSER_CONCAT_(a, b) a##b
#define HAWSER_CONCAT(a, b) HAWSER_CONCAT_(a, b)
#define HAWSER_ASSIGN_OR_RETURN_(result, declaration, expression) \
  auto result = (expression);                                     \
  if (!result.ok()) return std::move(result).status();            \
  declaration = std::move(result).value()

// HAWSER_ASSIGN_OR_RETURN(auto fd, OpenSomething());
#define HAWSER_ASSIGN_OR_RETURN(declaration, expression) \
  HAWSER_ASSIGN_OR_RETURN_(HAWSER_CONCAT(status_or_, __LINE__), declaration, expression)
