// The way of the kernel from a path to a file (path_resolution(7)), one name after the other. Any thread.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "absl/functional/function_ref.h"

namespace hawser::event {

using FileTime = std::chrono::sys_time<std::chrono::nanoseconds>;

struct PathEnd {
  std::string file = {};        // without links; empty: there is none, or too many links on the way
  FileTime links_changed = {};  // the latest status change (ctime) of a link on the way
  bool operator==(const PathEnd&) const = default;
};

// Calls `visit(directory, name)` for each name on the way, links' targets included, before it is looked up:
// in "/etc/current/a" with current -> v2 these are (/, etc), (/etc, current), (/etc, v2), (/etc/v2, a). It
// ends with the first name that is not there. `path` begins with '/'.
PathEnd WalkPath(std::string_view path,
                 absl::FunctionRef<void(const std::string& directory, const std::string& name)> visit);

// The latest status change of a file; the epoch, where there is none.
FileTime StatusChange(const std::string& path);

}  // namespace hawser::event
