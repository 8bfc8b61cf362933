#include "proxy/event/file_watch.h"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <system_error>

#include <sys/inotify.h>
#include <unistd.h>

#include "fmt/format.h"
#include "proxy/base/check.h"
#include "proxy/base/status_macros.h"

namespace hawser::event {
namespace {

constexpr uint8_t kEventTag = 0;
constexpr uint8_t kLookUpTag = 1;
constexpr uint8_t kTimerTag = 2;

constexpr size_t kLookUpsPerTurn = 32;
constexpr size_t kBytesPerTurn = 16 * 1024;  // of events
constexpr base::Duration kSoon{1};
// Files get the time of the kernel's last tick, which lags behind the clock.
constexpr std::chrono::milliseconds kLongestTick{10};

constexpr uint32_t kContent = IN_MODIFY | IN_CLOSE_WRITE;
constexpr uint32_t kNames = IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ATTRIB;

std::string Absolute(const std::string& path) {
  std::error_code error;
  return std::filesystem::absolute(path, error).string();
}

}  // namespace

absl::StatusOr<std::unique_ptr<FileWatch>> FileWatch::Create(Loop& loop, Calls calls) {
  const int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
  if (fd < 0) return absl::ErrnoToStatus(errno, "cannot watch files");
  std::unique_ptr<FileWatch> watch(new FileWatch(loop, fd, std::move(calls)));
  HAWSER_RETURN_IF_ERROR(loop.Add(fd, watch->target_, {.read = true}));
  return watch;
}

FileWatch::FileWatch(Loop& loop, int fd, Calls calls)
    : loop_(loop), fd_(fd), calls_(std::move(calls)), target_(*this, kEventTag), timer_(*this, kTimerTag) {}

FileWatch::~FileWatch() {
  loop_.CancelSoon(*this, kLookUpTag);
  loop_.Remove(fd_, target_);
  close(fd_);
}

void FileWatch::Watch(const std::vector<std::string>& paths, FileTime since) {
  fault_told_ = false;
  for (auto& [name, path] : paths_) path.wanted = false;
  for (const std::string& name : paths) {
    const auto [entry, is_new] = paths_.try_emplace(name);
    entry->second.wanted = true;
    if (!is_new) continue;
    entry->second.since = since;
    LookUpLater(*entry);
  }
  absl::erase_if(paths_, [this](Entry& entry) {
    if (entry.second.wanted) return false;
    for (const Step& step : entry.second.steps) Release(entry, step);
    if (entry.second.due) std::erase(due_, &entry);
    return true;
  });
}

void FileWatch::OnReady(Ready ready) {
  if (ready.tag == kEventTag) return ReadEvents();
  if (ready.tag == kLookUpTag) return LookUpSome();
  if (!due_.empty()) return loop_.Arm(timer_, kSoon);
  Tell();
}

void FileWatch::ReadEvents() {
  alignas(inotify_event) char bytes[kBytesPerTurn];
  const ssize_t size = read(fd_, bytes, sizeof bytes);
  for (ssize_t at = 0; at < size;) {
    const auto& event = *reinterpret_cast<const inotify_event*>(bytes + at);
    OnEvent(event, event.len > 0 ? event.name : "");  // padded with zeros
    at += static_cast<ssize_t>(sizeof event + event.len);
  }
}

void FileWatch::OnEvent(const inotify_event& event, const std::string& name) {
  if ((event.mask & IN_Q_OVERFLOW) != 0) return OnOverflow();
  if ((event.mask & IN_IGNORED) != 0) return OnLost(event.wd);
  const auto names = watches_.find(event.wd);
  if (names == watches_.end()) return;  // of a watch that was given up meanwhile
  const auto users = names->second.find(name);
  if (users == names->second.end()) return;
  for (Entry* entry : users->second) Changed(*entry, (event.mask & kContent) == 0);
}

// What was watched is gone, or its file system is.
void FileWatch::OnLost(int watch) {
  const auto lost = watches_.find(watch);
  if (lost == watches_.end()) return;
  for (const auto& [name, users] : lost->second) {
    for (Entry* entry : users) Changed(*entry, true);
  }
  watches_.erase(lost);
}

void FileWatch::OnOverflow() {
  for (Entry& entry : paths_) Changed(entry, true);
}

void FileWatch::Changed(Entry& entry, bool look_up) {
  entry.second.changed = true;
  if (look_up) LookUpLater(entry);
  if (!first_change_) first_change_ = loop_.now();
  const base::Duration left = kLongest - base::Between(*first_change_, loop_.now());
  loop_.Arm(timer_, std::clamp(left, base::Duration(0), kQuiet));
}

void FileWatch::LookUpLater(Entry& entry) {
  if (std::exchange(entry.second.due, true)) return;
  due_.push_back(&entry);
  loop_.Soon(*this, {.tag = kLookUpTag});
}

void FileWatch::LookUpSome() {
  for (size_t i = 0; i < kLookUpsPerTurn && !due_.empty(); ++i) {
    Entry* next = due_.front();
    due_.pop_front();
    LookUp(*next);
  }
  if (!due_.empty()) loop_.Soon(*this, {.tag = kLookUpTag});
}

// Each name is watched before it is looked up, and the file before its time is read: what changes later is an
// event, and what changed earlier is seen by whoever is told.
void FileWatch::LookUp(Entry& entry) {
  Path& path = entry.second;
  path.due = false;
  const std::vector<Step> before = std::exchange(path.steps, {});
  const PathEnd end =
      WalkPath(Absolute(entry.first), [this, &entry](const std::string& directory, const std::string& name) {
        AddStep(entry, directory, name, kNames);
      });
  if (!end.file.empty()) AddStep(entry, end.file, "", kContent | IN_ATTRIB);
  for (const Step& step : before) {
    if (std::ranges::find(path.steps, step) == path.steps.end()) Release(entry, step);
  }
  const FileTime since = std::exchange(path.since, FileTime::max());
  if (since == FileTime::max() || end.file.empty()) return;
  if (std::max(end.links_changed, StatusChange(end.file)) > since - kLongestTick) Changed(entry, false);
}

// What is not there is watched for by the directory that it should be in. What may not be read is not
// watched: whoever reads the file finds that out too. A path may come by the same name twice, where a link
// leads back to the root.
void FileWatch::AddStep(Entry& entry, const std::string& watched, const std::string& name, uint32_t events) {
  const int watch = inotify_add_watch(fd_, watched.c_str(), events | IN_MASK_ADD);
  if (watch >= 0) {
    watches_[watch][name].insert(&entry);
    std::vector<Step>& steps = entry.second.steps;
    if (std::ranges::find(steps, Step{watch, name}) == steps.end()) steps.push_back({watch, name});
    return;
  }
  if (errno != ENOSPC && errno != ENOMEM) return;
  const absl::Status fault = absl::ErrnoToStatus(
      errno, fmt::format("cannot watch {}{}", watched,
                         errno == ENOSPC ? " (fs.inotify.max_user_watches is used up)" : ""));
  if (!std::exchange(fault_told_, true)) calls_.failed(fault);
}

void FileWatch::Release(Entry& entry, const Step& step) {
  const auto names = watches_.find(step.watch);
  if (names == watches_.end()) return;  // lost
  const auto users = names->second.find(step.name);
  HAWSER_DCHECK(users != names->second.end());
  users->second.erase(&entry);
  if (users->second.empty()) names->second.erase(users);
  if (!names->second.empty()) return;
  watches_.erase(names);
  inotify_rm_watch(fd_, step.watch);
}

void FileWatch::Tell() {
  first_change_.reset();
  std::vector<std::string> changed;
  for (auto& [name, path] : paths_) {
    if (std::exchange(path.changed, false)) changed.push_back(name);
  }
  std::ranges::sort(changed);
  if (!changed.empty()) calls_.changed(changed);
}

}  // namespace hawser::event
