// Cache-Control (RFC 9111 §5.2), as far as hawser asks for it.
#pragma once

#include "proxy/http/head.h"

namespace hawser::http {

// Whether a response with these fields is meant for caches that many clients share: it says public or s-maxage. What is
// added to it for one client alone, others would get too.
bool IsForSharedCaches(const HeaderList& response);

}  // namespace hawser::http
