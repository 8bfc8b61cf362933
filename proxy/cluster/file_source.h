// A file that endpoints come from (`discovery.file`). It is read on another thread, at once and whenever it
// has changed. A file that cannot be used, because it is not there, broken or empty, keeps what is known;
// what is wrong with it is logged once. A file that says `[]` can be used: its cluster has no endpoints.
//
// Shared by all clusters that have the file; owned by their Discovery. Loop thread only.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "config/endpoints_file.h"
#include "proxy/cluster/source_news.h"

namespace hawser::cluster {

class FileSource {
 public:
  // Calls `done`, later and on the loop's thread, with what config::LoadEndpoints returns for the path on
  // another one.
  using Loaded = absl::AnyInvocable<void(config::EndpointsFile)>;
  using Load = absl::AnyInvocable<void(const std::string& path, Loaded done)>;

  // Reads the file at once. `news` is called later, each time. `load` must outlive it.
  FileSource(std::string path, Load& load, absl::AnyInvocable<void(News)> news);
  FileSource(const FileSource&) = delete;
  FileSource& operator=(const FileSource&) = delete;

  // It has been read, or could not be used.
  bool settled() const { return settled_; }
  // It could be used at least once.
  bool known() const { return known_; }
  const std::vector<config::Endpoint>& endpoints() const { return endpoints_; }

  // For when the file has changed. While it is being read, it is read once more afterwards.
  void Read();

 private:
  void Take(config::EndpointsFile file);

  const std::string path_;
  Load& load_;
  absl::AnyInvocable<void(News)> news_;
  std::vector<config::Endpoint> endpoints_;
  bool settled_ = false;
  bool known_ = false;
  bool reading_ = false;
  bool read_again_ = false;
  std::string fault_;  // as it was logged last; empty: none
  std::shared_ptr<FileSource*> self_ =
      std::make_shared<FileSource*>(this);  // whether a read still has its file
};

}  // namespace hawser::cluster
