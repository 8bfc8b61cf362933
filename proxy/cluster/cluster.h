// A cluster as it is configured: settings, transport, keys of its cookies. What it consists of is a
// Membership, which changes more often; a worker's own part is a WorkerCluster.
//
// Immutable; shared by all workers.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "config/schema.h"
#include "proxy/base/name.h"
#include "proxy/cluster/affinity.h"
#include "proxy/cluster/transport.h"
#include "proxy/http2/settings.h"

namespace hawser::cluster {

class Cluster {
 public:
  // Null for `transport`: plain text, by the settings' protocol.
  explicit Cluster(config::Cluster settings, base::Name interned = {},
                   std::shared_ptr<const Transport> transport = nullptr);
  Cluster(const Cluster&) = delete;
  Cluster& operator=(const Cluster&) = delete;

  const std::string& name() const { return settings_.name; }
  const base::Name& interned_name() const { return interned_; }
  uint32_t id() const { return interned_.id(); }
  const config::Cluster& settings() const { return settings_; }  // timeouts, retries, policies
  const std::shared_ptr<const Transport>& transport() const { return transport_; }
  const http2::Settings& http2() const { return http2_; }
  const Affinity* affinity() const { return affinity_ ? &*affinity_ : nullptr; }  // null: none configured

 private:
  const config::Cluster settings_;
  const base::Name interned_;
  const std::shared_ptr<const Transport> transport_;
  const http2::Settings http2_;
  std::optional<const Affinity> affinity_;
};

}  // namespace hawser::cluster
