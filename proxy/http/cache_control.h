// Cache-Control (RFC 9111 §5.2), as far as hawser needs it.
#pragma once

#include "proxy/http/head.h"

namespace hawser::http {

// Whether a response with these fields is meant for caches that many clients share: it says public or
// s-maxage. Such a response must not get a field that is meant for one client alone (a cookie): other clients
// would get it too.
bool IsForSharedCaches(const HeaderList& response);

}  // namespace hawser::http
