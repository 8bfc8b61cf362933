#include "proxy/resolve/service_records.h"

#include <algorithm>
#include <chrono>

#include <ares.h>

#include "proxy/http/characters.h"

namespace hawser::resolve {
namespace {

// Walks over a message. After the first step that leaves it, all that follow read zeros, and ok() is false.
class Reader {
 public:
  explicit Reader(std::span<const uint8_t> message) : message_(message) {}

  bool ok() const { return ok_; }
  size_t at() const { return at_; }
  void Skip(size_t bytes) {
    ok_ = ok_ && bytes <= message_.size() - at_;
    if (ok_) at_ += bytes;
  }
  uint16_t U16() { return static_cast<uint16_t>(Number(2)); }
  uint32_t U32() { return Number(4); }
  // A domain name, which may end in a pointer (RFC 1035 §4.1.4).
  std::string Name() {
    char* text = nullptr;
    long length = 0;
    ok_ = ok_ && at_ < message_.size() &&
          ares_expand_name(message_.data() + at_, message_.data(), static_cast<int>(message_.size()), &text,
                           &length) == ARES_SUCCESS;
    if (!ok_) return {};
    std::string name(text);
    ares_free_string(text);
    Skip(static_cast<size_t>(length));
    return name;
  }

 private:
  uint32_t Number(size_t bytes) {
    uint32_t number = 0;
    const size_t from = at_;
    Skip(bytes);
    for (size_t i = 0; ok_ && i < bytes; ++i) number = (number << 8) | message_[from + i];
    return number;
  }

  const std::span<const uint8_t> message_;
  size_t at_ = 0;
  bool ok_ = true;
};

void ReadRecord(Reader& reader, Services& found) {
  reader.Name();
  const uint16_t type = reader.U16();
  const uint16_t address_class = reader.U16();
  const base::Duration ttl = TtlOf(reader.U32());
  const uint16_t length = reader.U16();
  const size_t begin = reader.at();
  if (address_class == kInternet) found.ttl = std::min(found.ttl, ttl);
  if (type != kServiceType || address_class != kInternet) return reader.Skip(length);
  Service service;
  service.priority = reader.U16();
  service.weight = reader.U16();
  service.port = reader.U16();
  service.target = reader.Name();
  std::transform(service.target.begin(), service.target.end(), service.target.begin(), http::LowerCase);
  if (reader.at() != begin + length) return reader.Skip(SIZE_MAX);  // its data is not as long as it says
  if (!service.target.empty()) found.services.push_back(std::move(service));
}

}  // namespace

base::Duration TtlOf(int64_t seconds) {
  constexpr int64_t kMost = 0x7fffffff;
  return std::chrono::seconds(seconds < 0 || seconds > kMost ? 0 : seconds);
}

std::optional<Services> ParseServices(std::span<const uint8_t> message) {
  Reader reader(message);
  reader.Skip(4);  // id, flags
  const uint16_t questions = reader.U16();
  const uint16_t answers = reader.U16();
  reader.Skip(4);  // the other sections, which nobody reads
  for (uint16_t i = 0; i < questions && reader.ok(); ++i) {
    reader.Name();
    reader.Skip(4);
  }
  Services found;
  for (uint16_t i = 0; i < answers && reader.ok(); ++i) ReadRecord(reader, found);
  if (!reader.ok()) return std::nullopt;
  return found;
}

}  // namespace hawser::resolve
