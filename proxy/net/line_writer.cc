#include "proxy/net/line_writer.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <climits>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "fmt/format.h"
#include "proxy/base/check.h"
#include "proxy/base/status_macros.h"

namespace hawser::net {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds kLastWrites{1000};   // for what waits when the writer ends
constexpr milliseconds kStuckWrite{250};    // for a write that does not return, behind that
constexpr milliseconds kLookAgain{100};     // for room, and whether the writer is to end
constexpr milliseconds kWithoutLoss{1000};  // until lines count as written again
constexpr size_t kKeptBytes = 256 * 1024;   // of memory, from one batch to the next

// The whole lines at the front of `text` that fit into PIPE_BUF bytes; a part of a line that is longer than
// that.
std::string_view FirstLines(std::string_view text) {
  if (text.size() <= PIPE_BUF) return text;
  const std::string_view first = text.substr(0, PIPE_BUF);
  const size_t end = first.rfind('\n');
  return end == std::string_view::npos ? first : first.substr(0, end + 1);
}

bool HasRoom(int fd, milliseconds wait) {
  pollfd one{.fd = fd, .events = POLLOUT, .revents = 0};
  return poll(&one, 1, static_cast<int>(wait.count())) > 0;  // an error counts: the write will name it
}

}  // namespace

absl::StatusOr<Socket> OpenForLines(const std::string& path) {
  if (path == "-") {
    Socket out(fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
    if (!out.open()) return absl::ErrnoToStatus(errno, "cannot write to stdout");
    return out;
  }
  struct stat status {};
  const bool fifo = stat(path.c_str(), &status) == 0 && S_ISFIFO(status.st_mode);
  // A FIFO that is open for reading too (fifo(7), Linux) has a reader always: opening it does not wait for
  // one.
  const int flags = fifo ? O_RDWR : O_WRONLY | O_APPEND | O_CREAT;
  Socket file(open(path.c_str(), flags | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0640));
  if (!file.open()) return absl::ErrnoToStatus(errno, fmt::format("cannot open {}", path));
  return file;
}

// A descriptor that is written without waiting.
class LineWriter::File {
 public:
  explicit File(Socket file) : file_(std::move(file)) {
    struct stat status {};
    if (fstat(file_.fd(), &status) != 0 || S_ISREG(status.st_mode)) return;
    kind_ = S_ISSOCK(status.st_mode) ? Kind::kSocket : Kind::kPipe;
  }

  // Bytes taken of `text`, or -1 with errno.
  ssize_t Write(std::string_view text) const {
    if (kind_ == Kind::kFile) return write(file_.fd(), text.data(), text.size());
    if (kind_ == Kind::kSocket) {
      return send(file_.fd(), text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    }
    if (!HasRoom(file_.fd(), milliseconds(0))) {
      errno = EAGAIN;
      return -1;
    }
    const std::string_view lines = FirstLines(text);
    return write(file_.fd(), lines.data(), lines.size());
  }
  void WaitForRoom() const { HasRoom(file_.fd(), kLookAgain); }

 private:
  enum class Kind : uint8_t {
    kFile,    // takes everything at once, or fails
    kSocket,  // for example journald's: send(2) can be told not to wait
    kPipe,    // or a terminal
  };
  const Socket file_;
  Kind kind_ = Kind::kFile;
};

class LineWriter::Queue {
 public:
  Queue(Socket file, Options options, absl::AnyInvocable<void(Change)> on_change)
      : file_(std::move(file)), options_(std::move(options)), on_change_(std::move(on_change)) {}

  void Add(std::string_view line);
  void Run();  // on the writer's thread, until it has ended
  // Asks Run to end, and waits for it: whether it has ended.
  bool End();
  uint64_t dropped() const { return dropped_.load(std::memory_order_relaxed); }

 private:
  bool Gather();
  void WriteBatch();
  int WriteSome();
  void DropUnwritten();
  void NoteLosses(int error);
  bool Expired();

  const File file_;
  const Options options_;
  absl::AnyInvocable<void(Change)> on_change_;
  std::atomic<uint64_t> dropped_ = 0;

  std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable end_;
  std::string waiting_;                       // whole lines
  size_t lines_ = 0;                          // in waiting_
  std::optional<Clock::time_point> ends_at_;  // once the writer is to end
  bool ended_ = false;

  // The thread's own.
  std::string batch_;      // being written
  size_t written_ = 0;     // of batch_
  bool mid_line_ = false;  // a line has gone out up to written_, and its rest has not
  bool losing_ = false;
  uint64_t dropped_before_ = 0;  // while nothing was being lost
  uint64_t dropped_noted_ = 0;
  Clock::time_point last_loss_;
};

void LineWriter::Queue::Add(std::string_view line) {
  HAWSER_DCHECK(line.ends_with('\n'));
  {
    const std::lock_guard lock(mutex_);
    if (lines_ == options_.most_lines) return void(dropped_.fetch_add(1, std::memory_order_relaxed));
    waiting_ += line;
    if (++lines_ != 1 && lines_ != options_.most_lines / 2) return;  // the thread is awake, or soon will be
  }
  wake_.notify_one();
}

void LineWriter::Queue::Run() {
  while (Gather()) WriteBatch();
  const std::lock_guard lock(mutex_);
  ended_ = true;
  end_.notify_one();
}

bool LineWriter::Queue::End() {
  std::unique_lock lock(mutex_);
  ends_at_ = Clock::now() + kLastWrites;
  wake_.notify_one();
  return end_.wait_until(lock, *ends_at_ + kStuckWrite, [this] { return ended_; });
}

// Takes over what waits. False: nothing does, and nothing will.
bool LineWriter::Queue::Gather() {
  std::unique_lock lock(mutex_);
  wake_.wait(lock, [this] { return ends_at_ || lines_ > 0; });
  wake_.wait_for(lock, options_.gathering,
                 [this] { return ends_at_ || lines_ >= std::max<size_t>(options_.most_lines / 2, 1); });
  if (lines_ == 0) return false;
  batch_.empty() ? batch_.swap(waiting_) : void(batch_ += std::exchange(waiting_, {}));
  lines_ = 0;
  return true;
}

void LineWriter::Queue::WriteBatch() {
  while (written_ < batch_.size()) {
    const int error = WriteSome();
    if (error == EAGAIN && !Expired()) {
      NoteLosses(0);
      file_.WaitForRoom();
    } else if (error != 0) {
      DropUnwritten();
      return NoteLosses(error);
    }
  }
  NoteLosses(0);
  if (batch_.capacity() > kKeptBytes) batch_ = {};
  batch_.clear();
  written_ = 0;
}

// 0, or why nothing was taken.
int LineWriter::Queue::WriteSome() {
  const ssize_t taken = file_.Write(std::string_view(batch_).substr(written_));
  if (taken < 0) return errno == EINTR ? 0 : errno;
  if (taken == 0) return EAGAIN;
  written_ += static_cast<size_t>(taken);
  mid_line_ = batch_[written_ - 1] != '\n';
  return 0;
}

// Drops all but the rest of a line whose beginning has been written.
void LineWriter::Queue::DropUnwritten() {
  const size_t kept = mid_line_ ? batch_.find('\n', written_) + 1 : written_;
  const auto lost = std::count(batch_.begin() + static_cast<ptrdiff_t>(kept), batch_.end(), '\n');
  dropped_.fetch_add(static_cast<uint64_t>(lost), std::memory_order_relaxed);
  batch_ = batch_.substr(written_, kept - written_);
  written_ = 0;
}

// `error`: of the last write. Lines that found no room in the queue are seen by their count.
void LineWriter::Queue::NoteLosses(int error) {
  if (Expired()) return;  // the owner of on_change may be gone
  const uint64_t now_dropped = dropped();
  const bool lost = error != 0 || now_dropped != std::exchange(dropped_noted_, now_dropped);
  const auto now = Clock::now();
  if (lost) {
    last_loss_ = now;
    if (!std::exchange(losing_, true)) on_change_({.error = error == 0 ? EAGAIN : error, .lost = 0});
  } else if (losing_ && written_ == batch_.size() && now - last_loss_ >= kWithoutLoss) {
    losing_ = false;
    on_change_({.error = 0, .lost = now_dropped - std::exchange(dropped_before_, now_dropped)});
  }
}

bool LineWriter::Queue::Expired() {
  const std::lock_guard lock(mutex_);
  return ends_at_ && Clock::now() >= *ends_at_;
}

absl::StatusOr<std::unique_ptr<LineWriter>> LineWriter::Start(Socket file, Options options,
                                                              absl::AnyInvocable<void(Change)> on_change) {
  HAWSER_DCHECK(options.most_lines > 0);
  const std::string name = options.thread;
  auto queue = std::make_shared<Queue>(std::move(file), std::move(options), std::move(on_change));
  std::unique_ptr<LineWriter> writer(new LineWriter(queue));
  HAWSER_RETURN_IF_ERROR(writer->thread_.Start(name, [queue] { queue->Run(); }));
  return writer;
}

LineWriter::~LineWriter() {
  if (!thread_.running()) return;
  queue_->End() ? thread_.Join() : thread_.Abandon();
}

void LineWriter::Write(std::string_view line) {
  queue_->Add(line);
}

uint64_t LineWriter::dropped() const {
  return queue_->dropped();
}

}  // namespace hawser::net
