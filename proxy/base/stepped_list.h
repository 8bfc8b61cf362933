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

  // Calls visit(T&) for the next `most` elements; visit may unlink any of them. False: there are no more, and
  // the list is rewound. An element that moves to the end meanwhile is visited there (again).
  template <typename Visit>
  bool Step(size_t most, Visit visit) {
    HAWSER_DCHECK(most > 0);
    ListLink* next = Next();
    for (; next != nullptr && most > 0; next = Next(), --most) {
      links_.PutBehind(place_, *next);
      visit(static_cast<T&>(*next));
    }
    if (next == nullptr) Rewind();
    return next != nullptr;
  }

 private:
  ListLink* Next() { return place_.linked() ? links_.Next(place_) : links_.front(); }

  IntrusiveList<ListLink> links_;
  ListLink place_;  // in links_ while a walk is under way
};

}  // namespace hawser::base
