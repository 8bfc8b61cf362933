// Max-Forwards (RFC 9110 §7.6.2): how many more times a TRACE or OPTIONS may be forwarded. It helps to find
// the proxy in a chain at which a request stops or loops. On other methods it has no meaning and is left
// alone.
#pragma once

#include "proxy/http/head.h"

namespace hawser::http {

enum class ForwardLimit : uint8_t {
  kAllowed,    // the field, if there is one, has been counted down
  kExhausted,  // 0: whoever has the request answers it
  kMalformed,  // not one number: it cannot be obeyed
};

// Counts the field of `head` down; its new text goes into `arena`. A number above 32 bits is treated as the
// largest 32-bit number, as the RFC allows.
ForwardLimit CountForward(RequestHead& head, TextArena& arena);

}  // namespace hawser::http
