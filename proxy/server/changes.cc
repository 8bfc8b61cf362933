#include "proxy/server/changes.h"

#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "fmt/format.h"

namespace hawser::server {
namespace {

using Names = ReloadResult::Names;

std::string_view NameOf(const session::ListenerRuntime& listener) {
  return listener.name.text();
}
std::string_view NameOf(const session::RouteRuntime& route) {
  return route.route->name.text();
}
std::string_view NameOf(const cluster::Membership& membership) {
  return membership.cluster()->name();
}

uint32_t IdOf(const session::ListenerRuntime& listener) {
  return listener.name.id();
}
uint32_t IdOf(const session::RouteRuntime& route) {
  return route.route->name.id();
}
uint32_t IdOf(const cluster::Membership& membership) {
  return membership.cluster()->id();
}

// Parts that are the same are the same object.
template <class Part>
Names Compare(const session::Parts<const Part>& before, const session::Parts<const Part>& after) {
  Names names;
  for (const auto& part : after) {
    const auto old = before.Find(IdOf(*part));
    if (old == nullptr) names.added.emplace_back(NameOf(*part));
    if (old != nullptr && old != part) names.changed.emplace_back(NameOf(*part));
  }
  for (const auto& part : before) {
    if (!after.Has(IdOf(*part))) names.removed.emplace_back(NameOf(*part));
  }
  return names;
}

// A certificate is known by its listener and its file; the value is its serial number.
using Certificates = std::map<std::pair<std::string, std::string>, std::string>;

Certificates CertificatesOf(const session::Snapshot& snapshot) {
  Certificates certificates;
  for (const auto& listener : snapshot.listeners) {
    if (listener->tls == nullptr) continue;
    const auto& files = listener->settings.tls->certificates;
    for (size_t i = 0; i < files.size(); ++i) {
      certificates[{listener->settings.name, files[i].certificate}] = listener->tls->certificates()[i].serial;
    }
  }
  return certificates;
}

bool Differ(const FileHashes& before, const FileHashes& after, const std::string& file) {
  const auto was = before.find(file);
  const auto is = after.find(file);
  return was == before.end() || is == after.end() || was->second != is->second;
}

Names CompareCertificates(const Generation& before, const Generation& after) {
  const Certificates old = CertificatesOf(*before.snapshot);
  const Certificates now = CertificatesOf(*after.snapshot);
  const auto name = [](const auto& certificate) {
    return fmt::format("{}/{}", certificate.first.first, certificate.second);
  };
  Names names;
  for (const auto& certificate : now) {
    if (!old.contains(certificate.first)) {
      names.added.push_back(name(certificate));
    } else if (Differ(before.files, after.files, certificate.first.second)) {
      names.changed.push_back(name(certificate));
    }
  }
  for (const auto& certificate : old) {
    if (!now.contains(certificate.first)) names.removed.push_back(name(certificate));
  }
  return names;
}

}  // namespace

void NameChanges(const InForce& before, const Generation& after, ReloadResult& result) {
  const session::Snapshot& old = *before.generation->snapshot;
  result.listeners = Compare(old.listeners, after.snapshot->listeners);
  result.routes = Compare(old.routes, after.snapshot->routes);
  result.clusters = Compare(before.clusters, after.snapshot->clusters);
  result.certificates = CompareCertificates(*before.generation, after);
}

}  // namespace hawser::server
