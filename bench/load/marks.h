// A long run cut into windows by commands on stdin: `mark NAME` ends one and begins the next, `quit` (or the
// end of stdin) ends the run. What a window had scheduled counts in it, however late it comes; so its line is
// printed under its name once all of that has come or was missed. The line holds the histogram itself too, so
// that the figures of several processes can be put together.
#pragma once

#include <deque>
#include <map>
#include <string>
#include <string_view>

#include "bench/load/histogram.h"
#include "bench/load/poller.h"

namespace hawser::bench {

class Marks : public Target {
 public:
  // Reads stdin, which must be a pipe or a terminal.
  Marks(Poller& poller, bool json);

  bool quit() const { return quit_; }

  // Something was scheduled: returns the window that it counts in. Exactly one Came or Missed follows.
  size_t Schedule();
  void Came(size_t window, Nanos latency);
  void Missed(size_t window, std::string_view why);
  // A tunnel that was open is gone.
  void Lost() { windows_.back().lost++; }
  // How late the generator itself was with something.
  void Late(Nanos lateness) { windows_.back().lateness.Record(lateness); }

  void OnReady(uint32_t events) override;

 private:
  struct Window {
    std::string name;  // empty until its mark
    Nanos start = 0;
    Nanos end = 0;
    uint64_t scheduled = 0;
    uint64_t missed = 0;
    uint64_t lost = 0;
    Histogram latency;
    Histogram lateness;
    std::map<std::string, uint64_t> reasons;  // of what was missed
  };

  void Obey(std::string_view line);
  void Mark(std::string_view name);
  void PrintSettled();
  void Print(const Window& window) const;

  const bool json_;
  std::deque<Window> windows_;
  size_t first_ = 0;   // number of windows_.front()
  std::string input_;  // of stdin, up to the next end of a line
  bool quit_ = false;
};

}  // namespace hawser::bench
