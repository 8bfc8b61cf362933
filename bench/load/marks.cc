#include "bench/load/marks.h"

#include <unistd.h>

#include "bench/load/report.h"

namespace hawser::bench {

Marks::Marks(Poller& poller, bool json) : json_(json) {
  windows_.emplace_back().start = Now();
  poller.Add(STDIN_FILENO, *this, EPOLLIN);
}

size_t Marks::Schedule() {
  ++windows_.back().scheduled;
  return first_ + windows_.size() - 1;
}

void Marks::Came(size_t window, Nanos latency) {
  windows_[window - first_].latency.Record(latency);
  PrintSettled();
}

void Marks::Missed(size_t window, std::string_view why) {
  Window& missed = windows_[window - first_];
  ++missed.missed;
  ++missed.reasons[std::string(why)];
  PrintSettled();
}

void Marks::OnReady(uint32_t) {
  char text[256];
  const ssize_t count = read(STDIN_FILENO, text, sizeof text);
  if (count <= 0) {
    quit_ = true;
    return;
  }
  input_.append(text, static_cast<size_t>(count));
  for (size_t end = input_.find('\n'); end != std::string::npos; end = input_.find('\n')) {
    const std::string line = input_.substr(0, end);
    input_.erase(0, end + 1);
    Obey(line);
  }
}

void Marks::Obey(std::string_view line) {
  static constexpr std::string_view kMark = "mark ";
  if (line.starts_with(kMark)) return Mark(line.substr(kMark.size()));
  quit_ = quit_ || line == "quit";
}

void Marks::Mark(std::string_view name) {
  const Nanos now = Now();
  windows_.back().name = name;
  windows_.back().end = now;
  windows_.emplace_back().start = now;
  PrintSettled();
}

// In the order of the windows.
void Marks::PrintSettled() {
  while (windows_.size() > 1) {
    const Window& oldest = windows_.front();
    if (oldest.latency.count() + oldest.missed < oldest.scheduled) return;
    Print(oldest);
    windows_.pop_front();
    ++first_;
  }
}

void Marks::Print(const Window& window) const {
  nlohmann::ordered_json line = {{"window", window.name},
                                 {"seconds", ToSeconds(window.end - window.start)},
                                 {"scheduled", window.scheduled},
                                 {"missed", window.missed},
                                 {"lost", window.lost},
                                 {"latency_us", Latency(window.latency)},
                                 {"generator_late_us", Latency(window.lateness)}};
  if (!window.reasons.empty()) line["reasons"] = window.reasons;
  if (json_) line["histogram_ns"] = window.latency.Buckets();
  bench::Print(line, json_);
}

}  // namespace hawser::bench
