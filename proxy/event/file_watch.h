// Tells when files change (inotify(7)): written in place, replaced by a rename, truncated, deleted and back,
// reached by a symbolic link that now leads elsewhere, as in the volumes of Kubernetes. Every directory on
// the way to a file is watched for its next name, and the file itself for what is written, so that one that
// is mounted by itself is seen as well. Changes are collected: one call comes when nothing has changed for
// kQuiet, or kLongest after the first change.
//
// The loop opens and reads no file for this. It looks the names up, those of a few paths in each turn.
// Loop thread only.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/container/node_hash_map.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "proxy/event/loop.h"
#include "proxy/event/path_walk.h"
#include "proxy/event/timer_wheel.h"

struct inotify_event;  // of <sys/inotify.h>

namespace hawser::event {

class FileWatch final : public IoHandler {
 public:
  static constexpr base::Duration kQuiet{200};
  static constexpr base::Duration kLongest{2000};

  struct Calls {
    // With the paths that have changed, as they were given, in order.
    absl::AnyInvocable<void(const std::vector<std::string>& paths)> changed;
    // A path cannot be watched; the message names it. At most one call for each call of Watch.
    absl::AnyInvocable<void(const absl::Status&)> failed;
  };
  static absl::StatusOr<std::unique_ptr<FileWatch>> Create(Loop& loop, Calls calls);
  ~FileWatch() override;

  // Watches these paths, whether there are files or not, and no others any more. Those that are new count as
  // changed if they have changed after `since`, the time at which somebody began to read them.
  void Watch(const std::vector<std::string>& paths, FileTime since = FileTime::max());

  void OnReady(Ready ready) override;

 private:
  // A name in a watched directory; without a name: the watched file itself.
  struct Step {
    int watch;
    std::string name;
    bool operator==(const Step&) const = default;
  };
  struct Path {
    std::vector<Step> steps = {};
    FileTime since = FileTime::max();
    bool wanted = true;
    bool due = false;  // to be looked up: it is in due_
    bool changed = false;
  };
  using Entry = std::pair<const std::string, Path>;
  using Users = absl::flat_hash_set<Entry*>;
  using Names = absl::flat_hash_map<std::string, Users>;  // in one directory

  FileWatch(Loop& loop, int fd, Calls calls);
  void ReadEvents();
  void OnEvent(const inotify_event& event, const std::string& name);
  void OnLost(int watch);
  void OnOverflow();
  void Changed(Entry& entry, bool look_up);
  void LookUpLater(Entry& entry);
  void LookUpSome();
  void LookUp(Entry& entry);
  void AddStep(Entry& entry, const std::string& watched, const std::string& name, uint32_t events);
  void Release(Entry& entry, const Step& step);
  void Tell();

  Loop& loop_;
  const int fd_;
  Calls calls_;
  Target target_;
  Timer timer_;  // armed from the first change until it is told
  absl::node_hash_map<std::string, Path> paths_;
  absl::flat_hash_map<int, Names> watches_;
  std::deque<Entry*> due_;
  std::optional<base::TimePoint> first_change_;  // of those not told
  bool fault_told_ = false;
};

}  // namespace hawser::event
