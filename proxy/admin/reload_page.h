// The answer to POST /reload: what the reload came to, as JSON.
#pragma once

#include <vector>

#include "proxy/admin/pages.h"
#include "proxy/server/reload_result.h"

namespace hawser::admin {

// 200, or 422 with the errors where the configuration is wrong, or 409 while the process drains.
Page ReloadPage(const server::ReloadResult& result);

std::vector<FieldSpec> DocumentReload();

}  // namespace hawser::admin
