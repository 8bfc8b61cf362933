#include "proxy/cluster/cluster.h"

#include <utility>

namespace hawser::cluster {
namespace {

http2::Settings Http2Of(const config::Cluster& settings) {
  http2::Settings http2;
  http2.max_concurrent_streams = settings.max_concurrent_streams;
  http2.tls = settings.tls.has_value();
  return http2;
}

}  // namespace

Cluster::Cluster(config::Cluster settings, base::Name interned, std::shared_ptr<const Transport> transport)
    : settings_(std::move(settings)),
      interned_(std::move(interned)),
      transport_(transport != nullptr
                     ? std::move(transport)
                     : std::make_shared<const Transport>(Transport{.protocol = settings_.protocol})),
      http2_(Http2Of(settings_)) {
  if (settings_.affinity && settings_.affinity->cookie) {
    affinity_.emplace(settings_.name, *settings_.affinity->cookie);
  }
}

}  // namespace hawser::cluster
