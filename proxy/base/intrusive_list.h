// A doubly linked list whose links live in its elements: no allocation, O(1) removal from anywhere, and an
// element unlinks itself when destroyed. The list owns nothing.
#pragma once

#include <cstddef>

#include "proxy/base/check.h"

namespace hawser::base {

class ListLink {
 public:
  ListLink() = default;
  ListLink(const ListLink&) = delete;
  ListLink& operator=(const ListLink&) = delete;
  ~ListLink() { Unlink(); }

  bool linked() const { return next_ != nullptr; }

  void Unlink() {
    if (next_ == nullptr) return;
    previous_->next_ = next_;
    next_->previous_ = previous_;
    previous_ = next_ = nullptr;
  }

 private:
  template <typename T>
  friend class IntrusiveList;

  // Both null when not in a list.
  ListLink* previous_ = nullptr;
  ListLink* next_ = nullptr;
};

// T derives from ListLink.
template <typename T>
class IntrusiveList {
 public:
  IntrusiveList() { head_.previous_ = head_.next_ = &head_; }
  IntrusiveList(const IntrusiveList&) = delete;
  IntrusiveList& operator=(const IntrusiveList&) = delete;
  ~IntrusiveList() {
    while (!empty()) head_.next_->Unlink();
    head_.previous_ = head_.next_ = nullptr;
  }

  bool empty() const { return head_.next_ == &head_; }
  T* front() { return empty() ? nullptr : static_cast<T*>(head_.next_); }
  T* back() { return empty() ? nullptr : static_cast<T*>(head_.previous_); }

  // The element behind `element`, which is in this list; null behind the last one.
  T* Next(T& element) {
    HAWSER_DCHECK(static_cast<ListLink&>(element).linked());
    ListLink* next = static_cast<ListLink&>(element).next_;
    return next == &head_ ? nullptr : static_cast<T*>(next);
  }

  // Moves `element` to the end of this list, from whichever list it was in.
  void PushBack(T& element) {
    ListLink& link = element;
    link.Unlink();
    link.previous_ = head_.previous_;
    link.next_ = &head_;
    head_.previous_->next_ = &link;
    head_.previous_ = &link;
  }

  // Moves `element`, from whichever list it was in, to behind `place`, another element of this one.
  void PutBehind(T& element, T& place) {
    ListLink& link = element;
    ListLink& before = place;
    HAWSER_DCHECK(before.linked() && &link != &before);
    link.Unlink();
    link.previous_ = &before;
    link.next_ = before.next_;
    before.next_->previous_ = &link;
    before.next_ = &link;
  }

  // Takes every element of `other`, another list, in order, behind those of its own; O(1).
  void Splice(IntrusiveList& other) {
    HAWSER_DCHECK(&other != this);
    if (other.empty()) return;
    ListLink* const first = other.head_.next_;
    ListLink* const last = other.head_.previous_;
    first->previous_ = head_.previous_;
    head_.previous_->next_ = first;
    last->next_ = &head_;
    head_.previous_ = last;
    other.head_.previous_ = other.head_.next_ = &other.head_;
  }

  // Calls visit(T&) for each element; visit may unlink the element that it is given, and no other.
  template <typename Visit>
  void ForEach(Visit visit) {
    for (ListLink* link = head_.next_; link != &head_;) {
      ListLink* next = link->next_;
      visit(static_cast<T&>(*link));
      HAWSER_DCHECK(next->linked());
      link = next;
    }
  }

 private:
  ListLink head_;
};

}  // namespace hawser::base
