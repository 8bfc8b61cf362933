// What the machine and its container give this process. `root` is put in front of /proc and /sys, for tests.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/status.h"

namespace hawser::server {

// Cores by affinity and by the CPU quotas of the control groups (both versions), rounded up; at least 1.
int AllowedCores(const std::string& root = "");

// Raises the soft limit of open files to the hard one. Returns the limit that is then in force.
uint64_t RaiseOpenFiles();

// How many of the open files clients and backends must not use: they are for the admin listener, its pages,
// and one connection too many of each worker. A quarter at the most.
uint64_t KeptFiles(uint64_t open_files, size_t workers);

// What to do about a start that failed for want of open files: "expected ...". Empty for any other failure.
std::string AdviceFor(const absl::Status& status);

// Bytes: the lowest limit of the control groups, or the machine's memory.
uint64_t MemoryLimit(const std::string& root = "");

}  // namespace hawser::server
