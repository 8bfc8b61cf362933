// A directory of a test's own, removed with all that is in it.
#pragma once

#include <string>
#include <string_view>

namespace hawser::integration {

class Directory {
 public:
  Directory();
  ~Directory();
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;

  const std::string& path() const { return path_; }
  std::string File(std::string_view name) const { return path_ + "/" + std::string(name); }
  // Writes the file and returns its path.
  std::string Write(std::string_view name, std::string_view content) const;

 private:
  std::string path_;
};

std::string ReadFile(const std::string& path);

}  // namespace hawser::integration
