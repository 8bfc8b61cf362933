#include "proxy/cluster/file_source.h"

#include <utility>

#include "fmt/format.h"
#include "spdlog/spdlog.h"

namespace hawser::cluster {
namespace {

// The first error, and how many there are.
std::string FaultOf(const config::EndpointsFile& file) {
  if (file.ok()) return {};
  const std::string first = config::Render(file.errors.front());
  return file.errors.size() == 1 ? first : fmt::format("{} (and {} more)", first, file.errors.size() - 1);
}

}  // namespace

FileSource::FileSource(std::string path, Load& load, absl::AnyInvocable<void(News)> news)
    : path_(std::move(path)), load_(load), news_(std::move(news)) {
  Read();
}

void FileSource::Read() {
  if (std::exchange(reading_, true)) {
    read_again_ = true;
    return;
  }
  load_(path_, [self = std::weak_ptr(self_)](config::EndpointsFile file) {
    if (const auto source = self.lock()) (*source)->Take(std::move(file));
  });
}

void FileSource::Take(config::EndpointsFile file) {
  reading_ = false;
  settled_ = true;
  std::string fault = FaultOf(file);
  if (fault.empty()) {
    if (!fault_.empty()) spdlog::info("{} can be used again", path_);
    if (file.endpoints.empty() && !(known_ && endpoints_.empty()))
      spdlog::warn("{} lists no endpoints", path_);
    endpoints_ = std::move(file.endpoints);
    known_ = true;
  } else if (fault != fault_) {
    spdlog::warn("{}; its last endpoints stay in use ({})", fault, endpoints_.size());
  }
  const bool failed = !fault.empty();
  fault_ = std::move(fault);
  if (std::exchange(read_again_, false)) Read();
  news_(failed ? News::kFailure : News::kAnswer);
}

}  // namespace hawser::cluster
