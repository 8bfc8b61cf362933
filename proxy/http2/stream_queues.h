// The streams of one session: all of them, those whose owners are to be called, and those that wait, each in
// the order in which it came. A stream unlinks itself when it is destroyed; nothing here owns one. Part of
// Session.
#pragma once

#include <cstdint>

#include "absl/functional/function_ref.h"
#include "proxy/base/clock.h"
#include "proxy/base/intrusive_list.h"
#include "proxy/http2/stream.h"

namespace hawser::http2 {

class StreamQueues {
 public:
  using Visit = absl::FunctionRef<void(Stream&)>;
  using Condition = absl::FunctionRef<bool()>;

  // --- All ---
  void Add(Stream& stream);
  void Remove(Stream& stream);  // from every list
  uint32_t count() const { return count_; }
  void ForEach(Visit visit);  // visit may destroy the stream that it is given, and no other

  // --- Owners to be called ---
  void AddReady(Stream& stream);  // does nothing for one that is there
  bool any_ready() const { return !ready_.empty(); }
  // Calls each owner once, the first of them and then as long as `goes_on`. Streams that still have events,
  // and those that were not reached, stay in the list for the next turn.
  void CallOwners(Condition goes_on);
  // Removes streams without events; calls `waits` for those of them that want to write.
  void PruneReady(Visit waits);

  // --- Waiting ---
  static bool Waits(const Stream& stream) { return static_cast<const WaitLink&>(stream).linked(); }
  static void EndWait(Stream& stream) { static_cast<WaitLink&>(stream).Unlink(); }
  // For room in the output, or in the connection's window.
  void WaitForRoom(Stream& stream) { for_room_.PushBack(stream); }
  bool any_wait_for_room() const { return !for_room_.empty(); }
  // Calls the owners of those that wait for room, the first to wait first, for as long as there is some.
  void CallRoomWaiters(Condition room);
  // For the stream's own window.
  void WaitForWindow(Stream& stream, base::TimePoint now);
  Stream* longest_window_wait() { return static_cast<Stream*>(for_window_.front()); }
  void ForEachWindowWait(Visit visit);  // visit may end the wait of the stream that it is given

 private:
  base::IntrusiveList<LiveLink> live_;
  base::IntrusiveList<ReadyLink> ready_;
  base::IntrusiveList<WaitLink> for_room_;
  base::IntrusiveList<WaitLink> for_window_;
  uint32_t count_ = 0;  // in live_
};

}  // namespace hawser::http2
