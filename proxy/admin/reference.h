// docs/metrics.md, docs/access-log.md and docs/admin.md, made from the tables that the code itself uses. A
// test holds the files to it; `hawser reference metrics > docs/metrics.md` writes one anew.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace hawser::admin {

// The pages that there are: "metrics", "access-log", "admin".
std::vector<std::string_view> ReferencePages();

// docs/`page`.md. `page` must be one of ReferencePages.
std::string ReferenceMarkdown(std::string_view page);

}  // namespace hawser::admin
