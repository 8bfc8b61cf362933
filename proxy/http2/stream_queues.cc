#include "proxy/http2/stream_queues.h"

#include "proxy/base/check.h"

namespace hawser::http2 {

void StreamQueues::Add(Stream& stream) {
  HAWSER_DCHECK(!static_cast<LiveLink&>(stream).linked());
  live_.PushBack(stream);
  ++count_;
}

void StreamQueues::Remove(Stream& stream) {
  HAWSER_DCHECK(static_cast<LiveLink&>(stream).linked() && count_ > 0);
  static_cast<LiveLink&>(stream).Unlink();
  static_cast<ReadyLink&>(stream).Unlink();
  EndWait(stream);
  --count_;
}

void StreamQueues::ForEach(Visit visit) {
  live_.ForEach([visit](LiveLink& link) { visit(static_cast<Stream&>(link)); });
}

void StreamQueues::AddReady(Stream& stream) {
  auto& link = static_cast<ReadyLink&>(stream);
  if (!link.linked()) ready_.PushBack(link);
}

// An owner may destroy any stream while it is called, so the first element of the list is read again each
// time.
void StreamQueues::CallOwners(Condition goes_on) {
  base::IntrusiveList<ReadyLink> now;
  now.Splice(ready_);
  while (ReadyLink* link = now.front()) {
    ready_.PushBack(*link);
    static_cast<Stream&>(*link).CallOwner();
    if (!goes_on()) break;
  }
  // Streams that were not reached stand before those that have more.
  now.Splice(ready_);
  ready_.Splice(now);
}

void StreamQueues::PruneReady(Visit waits) {
  ready_.ForEach([waits](ReadyLink& link) {
    auto& stream = static_cast<Stream&>(link);
    if (stream.HasPending()) return;
    link.Unlink();
    if (stream.wanted_.write) waits(stream);
  });
}

void StreamQueues::CallRoomWaiters(Condition room) {
  base::IntrusiveList<WaitLink> now;
  now.Splice(for_room_);
  while (WaitLink* link = now.front()) {
    if (!room()) break;
    auto& stream = static_cast<Stream&>(*link);
    link->Unlink();
    ready_.PushBack(stream);
    stream.CallOwner();
  }
  // Streams that were not reached stand before those that have blocked again.
  now.Splice(for_room_);
  for_room_.Splice(now);
}

void StreamQueues::WaitForWindow(Stream& stream, base::TimePoint now) {
  stream.waiting_since_ = now;
  for_window_.PushBack(stream);
}

void StreamQueues::ForEachWindowWait(Visit visit) {
  for_window_.ForEach([visit](WaitLink& link) { visit(static_cast<Stream&>(link)); });
}

}  // namespace hawser::http2
