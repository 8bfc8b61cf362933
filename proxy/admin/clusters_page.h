// /clusters: what the clusters consist of, what is open there, and which endpoint is in which state and why.
// Main thread.
#pragma once

#include <vector>

#include "proxy/admin/pages.h"

namespace hawser::admin {

Page ClustersPage(const Sources& from);

std::vector<FieldSpec> DocumentClusters();

}  // namespace hawser::admin
