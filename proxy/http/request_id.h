// The id that follows one request through logs and backends (X-Request-Id): 128 random bits as the text of a
// version 4 UUID (RFC 9562 §5.4). It is not secret: nothing may depend on that.
#pragma once

#include <random>
#include <string>
#include <string_view>

namespace hawser::http {

std::string GenerateRequestId(std::mt19937_64& random);

// Whether a trusted peer's id is passed on: 1 to 128 visible ASCII characters.
bool IsRequestId(std::string_view id);

}  // namespace hawser::http
