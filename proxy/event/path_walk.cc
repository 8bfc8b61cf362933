#include "proxy/event/path_walk.h"

#include <algorithm>
#include <climits>
#include <vector>

#include <sys/stat.h>
#include <unistd.h>

namespace hawser::event {
namespace {

constexpr int kMostLinks = 40;  // as the kernel

FileTime ChangeOf(const struct stat& file) {
  return FileTime(std::chrono::seconds(file.st_ctim.tv_sec) + std::chrono::nanoseconds(file.st_ctim.tv_nsec));
}

// Puts the names of `path` in front of those that are still to come, which stand in reverse order.
void PutInFront(std::string_view path, std::vector<std::string>& names) {
  while (!path.empty()) {
    const size_t slash = path.find_last_of('/');
    const std::string_view name = path.substr(slash == std::string_view::npos ? 0 : slash + 1);
    if (!name.empty() && name != ".") names.emplace_back(name);
    path = path.substr(0, slash == std::string_view::npos ? 0 : slash);
  }
}

std::string Child(const std::string& directory, const std::string& name) {
  return directory == "/" ? directory + name : directory + '/' + name;
}

std::string TargetOf(const std::string& link) {
  char target[PATH_MAX];
  const ssize_t size = readlink(link.c_str(), target, sizeof target);
  return size > 0 ? std::string(target, static_cast<size_t>(size)) : std::string();
}

}  // namespace

PathEnd WalkPath(std::string_view path,
                 absl::FunctionRef<void(const std::string& directory, const std::string& name)> visit) {
  PathEnd end;
  std::vector<std::string> names;
  PutInFront(path, names);
  std::string at = "/";
  for (int links = 0; !names.empty();) {
    const std::string name = std::move(names.back());
    names.pop_back();
    if (name == "..") {
      at.erase(std::max<size_t>(at.find_last_of('/'), 1));
      continue;
    }
    visit(at, name);
    std::string next = Child(at, name);
    struct stat found {};
    if (lstat(next.c_str(), &found) != 0) return end;
    if (!S_ISLNK(found.st_mode)) {
      at = std::move(next);
      continue;
    }
    end.links_changed = std::max(end.links_changed, ChangeOf(found));
    const std::string target = TargetOf(next);
    if (target.empty() || ++links > kMostLinks) return end;
    if (target.front() == '/') at = "/";
    PutInFront(target, names);
  }
  end.file = std::move(at);
  return end;
}

FileTime StatusChange(const std::string& path) {
  struct stat found {};
  return stat(path.c_str(), &found) == 0 ? ChangeOf(found) : FileTime();
}

}  // namespace hawser::event
