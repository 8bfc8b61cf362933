// Max-Forwards (RFC 9110 §7.6.2): how many more times a TRACE or OPTIONS may be forwarded. It finds the proxy in a chain
// where a request stops or goes round; on other methods it means nothing and is left alone.
#pragma once

#include "proxy/http/head.h"

namespace hawser::http {

enum class ForwardLimit : uint8_t {
  kAllowed,    // the field, if there is one, has been counted down
  kExhausted,  // 0: whoever has the request answers it
  kMalformed,  // not one number: it cannot be obeyed
};

// Counts the field of `head` down; its new text goes into `arena`. A number that no counter holds becomes the largest that
// one does, as the RFC allows.
ForwardLimit CountForward(RequestHead& head, TextArena& arena);

}  // namespace hawser::http
