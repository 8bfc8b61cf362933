#include "proxy/tls/openssl.h"

#include <system_error>

namespace hawser::tls {

std::string ReasonOf(unsigned long code) {
  if (code == 0) return "unknown error";
  if (ERR_SYSTEM_ERROR(code)) return std::generic_category().message(ERR_GET_REASON(code));
  const char* reason = ERR_reason_error_string(code);
  return reason != nullptr ? reason : "unknown error";
}

std::string TakeError() {
  std::string reason = ReasonOf(ERR_peek_error());
  ERR_clear_error();
  return reason;
}

}  // namespace hawser::tls
