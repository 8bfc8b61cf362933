#include "proxy/edge/room.h"

#include <algorithm>

#include "proxy/base/check.h"
#include "proxy/net/socket.h"

namespace hawser::edge {
namespace {

constexpr base::Duration kLeastTime{1000};

Room RoomOf(uint64_t all, uint64_t used, double reserve) {
  HAWSER_DCHECK(reserve >= 0 && reserve <= 0.5);
  return {.all = all,
          .left = all - std::min(all, used),
          .reserve = static_cast<uint64_t>(static_cast<double>(all) * reserve)};
}

}  // namespace

Room RoomOf(const ConnectionCap& cap, double reserve) {
  return RoomOf(cap.limit(), cap.open(), reserve);
}

Room DescriptorRoom(double reserve) {
  const net::Descriptors descriptors = net::DescriptorsOfProcess();
  return RoomOf(descriptors.most, descriptors.used, reserve);
}

base::Duration Shrunk(base::Duration full, const Room& room) {
  HAWSER_DCHECK(room.left <= room.all && room.reserve <= room.all / 2);
  const uint64_t half = room.all / 2;
  if (room.left >= half) return full;
  const base::Duration least = std::min(full, std::max(full / 10, kLeastTime));
  if (room.scarce()) return least;
  const double part =
      static_cast<double>(room.left - room.reserve) / static_cast<double>(half - room.reserve);
  const double more = part * static_cast<double>((full - least).count());
  return least + base::Duration(static_cast<base::Duration::rep>(more));
}

}  // namespace hawser::edge
