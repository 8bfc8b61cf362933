// One request as the filters see it, and what they attach to it. Owned by the exchange; loop thread only.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "filters/any_object.h"
#include "filters/attachments.h"
#include "filters/verdict.h"
#include "proxy/event/loop.h"
#include "proxy/http/head.h"
#include "proxy/net/address.h"
#include "proxy/route/route.h"

namespace hawser::filters {

// The worker-local state of a chain's filters, by the filter's index; empty if none of them has any.
using Locals = std::vector<AnyObject>;

// Where a request comes from and where it goes.
struct Connection {
  const net::SocketAddress& client;  // as trusted proxies report it
  std::string_view listener;
  bool tls = false;  // ended here
  const route::Route& route;
};

class Context {
 public:
  // When a filter resumes, `waiter` is called with `tag` in the loop's next turn; it then calls
  // Chain::OnRequest again. `locals` are those of the route's chain on this worker. What the arguments refer
  // to must outlive the context.
  Context(const Connection& connection, http::RequestHead& head, http::TextArena& storage,
          const Locals& locals, event::Loop& event_loop, event::IoHandler& waiter, uint8_t tag)
      : from(connection),
        request(head),
        arena(storage),
        loop(event_loop),
        locals_(locals),
        waiter_(waiter),
        tag_(tag) {}
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;
  ~Context();

  const Connection from;
  http::RequestHead& request;
  http::TextArena& arena;  // for text that the head is to point to
  event::Loop& loop;

  // The worker-local state of the filter that is being called. `T` must be what its MakeLocal has made.
  template <typename T>
  T& Local() const {
    HAWSER_DCHECK(current_ < locals_.size());
    return locals_[current_].As<T>();
  }

  // Keeps `object` until the tunnel ends, or the exchange if none opens.
  template <typename T>
  T& Attach(std::unique_ptr<T> object) {
    return attachments_.Attach(std::move(object));
  }
  // For the tunnel to hold.
  Attachments TakeAttachments() { return std::move(attachments_); }

  // The verdict of the filter that has waited, or that is about to: any but kWait. Only the first one counts,
  // and only while the chain waits.
  void Resume(Verdict verdict);

  // A filter has said kWait, and its verdict has not come.
  bool waiting() const { return phase_ == Phase::kWaiting; }
  // While waiting(): the time is over. No verdict counts any more; returns the reason with which to refuse.
  http::Reject Expire();

 private:
  friend class Chain;

  enum class Phase : uint8_t {
    kAsking,   // the chain runs, or is about to
    kWaiting,  // for Resume
    kResumed,  // the chain is to go on with `resumed_`
    kOver,     // the request has passed, or has its answer
  };

  // The verdict that Resume has brought.
  Verdict TakeResumed();

  const Locals& locals_;
  event::IoHandler& waiter_;
  const uint8_t tag_;
  Phase phase_ = Phase::kAsking;
  bool waiter_called_ = false;  // the loop is to call the waiter
  http::Reject late_ = http::Reject::kNone;
  size_t next_ = 0;     // the filter that has not yet let the request pass
  size_t seen_ = 0;     // the filters that have seen it: next_, or one more
  size_t current_ = 0;  // the filter that is being called
  Verdict resumed_ = Verdict::Continue();
  Attachments attachments_;
};

}  // namespace hawser::filters
