// An intrusive list that can be walked in steps, while elements are added and removed between the steps. An
// invisible link of the list marks the position of the walk. One walk at a time.
//
//   list.Rewind();
//   while (list.Step(256, [](Element& element) { ... })) LetOthersWork();
#pragma once

#include <cstddef>

#include "proxy/base/check.h"
#include "proxy/base/intrusive_list.h"

namespace hawser::base {

// T derives from ListLink.
template <typename T>
class SteppedList {
 public:
  bool empty() { return front() == nullptr; }
  T* front() {
    ListLink* first = links_.front();
    return static_cast<T*>(first == &place_ ? links_.Next(place_) : first);
  }

  // Moves `element` to the end of this list, from whichever list it was in.
  void PushBack(T& element) { links_.PushBack(element); }

  // Calls visit(T&) for each element; visit may unlink the element that it is given, and no other.
  template <typename Visit>
  void ForEach(Visit visit) {
    links_.ForEach([&](ListLink& link) {
      if (&link != &place_) visit(static_cast<T&>(link));
    });
  }

  // Begins a new walk with the next step.
  void Rewind() { place_.Unlink(); }

  // Calls visit(T&) for the next `most` elements; visit may not unlink any. False: there are no more, and the
  // list is rewound. An element that moves to the end meanwhile is visited there (again).
  template <typename Visit>
  bool Step(size_t most, Visit visit) {
    HAWSER_DCHECK(most > 0);
    ListLink* next = place_.linked() ? links_.Next(place_) : links_.front();
    ListLink* last = nullptr;
    for (; next != nullptr && most > 0; next = links_.Next(*next), --most) {
      visit(static_cast<T&>(*next));
      HAWSER_DCHECK(next->linked());
      last = next;
    }
    if (next == nullptr) {
      Rewind();
    } else {
      links_.PutBehind(place_, *last);
    }
    return next != nullptr;
  }

 private:
  IntrusiveList<ListLink> links_;
  ListLink place_;  // in links_ while a walk is under way
};

}  // namespace hawser::base
