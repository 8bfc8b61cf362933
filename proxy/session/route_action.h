// What a route does with a request that its filters have let pass.
#pragma once

#include <cstddef>

#include "filters/verdict.h"
#include "proxy/http/head.h"
#include "proxy/route/route.h"

namespace hawser::session {

// kContinue: `head` is as a backend is to get it: its Max-Forwards is counted down, and its target is
// rewritten, to a head of at most `longest` bytes. New text goes into `arena`. Else hawser answers or refuses
// the request itself. Never kWait.
filters::Verdict ApplyRoute(const route::Route& route, http::RequestHead& head, size_t longest,
                            http::TextArena& arena);

}  // namespace hawser::session
