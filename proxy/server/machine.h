// What the machine and its container give this process.
#pragma once

#include <cstdint>

namespace hawser::server {

// Cores by affinity and by the cgroup's CPU quota, rounded up; at least 1.
int AllowedCores();

// Raises the soft limit of open files to the hard one. Returns what is in force.
uint64_t RaiseOpenFiles();

// Bytes: the cgroup's limit, or the machine's memory.
uint64_t MemoryLimit();

}  // namespace hawser::server
