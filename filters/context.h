// One request as the filters see it, and what they attach to it. Owned by the exchange; loop thread only.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "filters/attachments.h"
#include "filters/verdict.h"
#include "proxy/event/loop.h"
#include "proxy/http/head.h"
#include "proxy/net/address.h"
#include "proxy/route/route_table.h"

namespace hawser::filters {

// Where a request comes from and where it goes.
struct Connection {
  const net::SocketAddress& client;  // as trusted proxies tell it
  std::string_view listener;
  bool tls = false;  // ended here
  const route::Route& route;
};

class Context {
 public:
  // When a filter resumes, `waiter` hears of it with `tag`, in the loop's next turn; it then calls Chain::OnRequest
  // again. What the arguments refer to must outlive the context.
  Context(const Connection& connection, http::RequestHead& head, http::TextArena& storage,
          event::Loop& event_loop, event::IoHandler& waiter, uint8_t tag)
      : from(connection), request(head), arena(storage), loop(event_loop), waiter_(waiter), tag_(tag) {}
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;
  ~Context();

  const Connection from;
  http::RequestHead& request;
  http::TextArena& arena;  // for text that the head is to point to
  event::Loop& loop;

  // Keeps `object` until the tunnel ends, or the exchange if none opens.
  template <typename T>
  T& Attach(std::unique_ptr<T> object) {
    return attachments_.Attach(std::move(object));
  }
  // For the tunnel to hold.
  Attachments TakeAttachments() { return std::move(attachments_); }

  // The verdict of the filter that has waited: kContinue or kReject.
  void Resume(Verdict verdict);

 private:
  friend class Chain;

  // The verdict of the filter that has waited, once.
  std::optional<Verdict> TakeResumed();

  event::IoHandler& waiter_;
  const uint8_t tag_;
  size_t next_ = 0;                 // the filter that has not yet let the request pass
  size_t seen_ = 0;                 // the filters that have seen it: next_, or one more
  std::optional<Verdict> resumed_;  // set: the waiter is to hear of it
  Attachments attachments_;
};

}  // namespace hawser::filters
