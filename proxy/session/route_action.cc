#include "proxy/session/route_action.h"

#include <string_view>

#include "proxy/http/local_response.h"
#include "proxy/http/max_forwards.h"
#include "proxy/http/reject.h"
#include "proxy/route/answer.h"

namespace hawser::session {
namespace {

using filters::Verdict;
using http::Reject;

Verdict AnswerByRoute(const config::Route& route, const http::RequestHead& head) {
  const std::string_view scheme = head.headers.Find("X-Forwarded-Proto").value_or("http");
  return Verdict::Answer(route::AnswerOf(route, head, scheme), Reject::kNone);
}

// Of a request whose Max-Forwards is 0. A TRACE is not echoed: that would give a script in a page the cookies
// that browsers hide from it.
Verdict AnswerInPlace(const http::RequestHead& head) {
  if (head.method == "TRACE") return Verdict::Reject(Reject::kMethodNotAllowed);
  return Verdict::Answer(http::MakeLocalResponse(200, {}, {}), Reject::kNone);
}

}  // namespace

Verdict ApplyRoute(const route::Route& route, http::RequestHead& head, size_t longest,
                   http::TextArena& arena) {
  if (route::Answers(route.settings)) return AnswerByRoute(route.settings, head);
  switch (http::CountForward(head, arena)) {
    case http::ForwardLimit::kMalformed: return Verdict::Reject(Reject::kMalformedRequest);
    case http::ForwardLimit::kExhausted: return AnswerInPlace(head);
    case http::ForwardLimit::kAllowed: break;
  }
  if (route.rewrite && !route.rewrite->Apply(route.settings, head, longest, arena))
    return Verdict::Reject(Reject::kNoRoute);
  return Verdict::Continue();
}

}  // namespace hawser::session
