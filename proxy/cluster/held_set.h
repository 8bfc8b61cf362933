// What the answers for a name have said. A record stays until it was missing from every answer for `hold`,
// so that a server that shows a few of many addresses at a time, or servers that do not agree, take nothing
// away. A plain value.
#pragma once

#include <algorithm>
#include <optional>
#include <vector>

#include "proxy/base/clock.h"
#include "proxy/net/address.h"
#include "proxy/resolve/records.h"

namespace hawser::cluster {

inline bool SameRecord(const net::IpAddress& a, const net::IpAddress& b) {
  return a == b;
}
// A service is where it is; its priority and weight may change.
inline bool SameRecord(const resolve::Service& a, const resolve::Service& b) {
  return a.port == b.port && a.target == b.target;
}

template <typename Record>
class HeldSet {
 public:
  // In the order in which they came first.
  const std::vector<Record>& records() const { return records_; }

  // Nothing is missing from an answer that is `partial`.
  void Take(const std::vector<Record>& answer, bool partial, base::TimePoint now) {
    for (size_t i = 0; i < records_.size(); ++i) {
      const auto found = Find(answer, records_[i]);
      if (found != answer.end()) {
        records_[i] = *found;
        missing_since_[i].reset();
      } else if (!partial && !missing_since_[i]) {
        missing_since_[i] = now;
      }
    }
    for (const Record& record : answer) {
      if (Find(records_, record) != records_.end()) continue;
      records_.push_back(record);
      missing_since_.emplace_back();
    }
  }

  // Drops what has been missing for `hold`. Returns whether there was any.
  bool Expire(base::TimePoint now, base::Duration hold) {
    const size_t before = records_.size();
    for (size_t i = before; i-- > 0;) {
      if (!missing_since_[i] || now - *missing_since_[i] < hold) continue;
      records_.erase(records_.begin() + static_cast<ptrdiff_t>(i));
      missing_since_.erase(missing_since_.begin() + static_cast<ptrdiff_t>(i));
    }
    return records_.size() < before;
  }

  // Of the record that has been missing for longest.
  std::optional<base::TimePoint> missing_since() const {
    std::optional<base::TimePoint> first;
    for (const auto& since : missing_since_) {
      if (since && (!first || *since < *first)) first = since;
    }
    return first;
  }

 private:
  static auto Find(const std::vector<Record>& records, const Record& sought) {
    return std::find_if(records.begin(), records.end(),
                        [&](const Record& record) { return SameRecord(record, sought); });
  }

  std::vector<Record> records_;
  std::vector<std::optional<base::TimePoint>> missing_since_;  // by place in records_; nothing: it is there
};

}  // namespace hawser::cluster
