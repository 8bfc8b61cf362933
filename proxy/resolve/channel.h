// One DNS server, asked over UDP, and over TCP where an answer does not fit: c-ares on an event::Loop. c-ares
// makes and closes its sockets by itself, while there are questions; the channel watches them and keeps its
// timer. What c-ares calls back only collects replies, so that nothing is called while it is in the middle of
// its work.
//
// Owned by its Resolver. May be opened on any thread (files of the system are read there); everything after
// that happens on the loop's thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "proxy/base/clock.h"
#include "proxy/event/loop.h"
#include "proxy/net/address.h"
#include "proxy/resolve/records.h"

struct ares_addrinfo;     // of <ares.h>
struct ares_channeldata;  // of <ares.h>

namespace hawser::resolve {

enum class Outcome : uint8_t {
  kFound,
  kNone,      // there is no such name, or it has no such records
  kNoAnswer,  // in time
  kFailed,    // the server cannot be reached, or does not know: another one may
  kInvalid,   // no server can be asked that
};

struct Reply {
  uint64_t ticket = 0;
  Outcome outcome = Outcome::kFailed;
  std::string_view words = {};  // what went wrong; of static storage
  Addresses addresses = {};     // of an address question that found some; never partial
  Services services = {};       // of a service question that found some
};

class Channel final : public event::IoHandler {
 public:
  struct Options {
    std::string resolv_conf;  // path; search list and so on, and the servers where `server` is none
    base::Duration timeout;   // for an answer, by UDP and then by TCP
    const net::SocketAddress* server = nullptr;  // null: the first of the system's
  };
  static absl::StatusOr<std::unique_ptr<Channel>> Open(Options options);
  ~Channel() override;
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  // Those that the system names, in its order.
  std::vector<net::SocketAddress> servers() const;

  // Once, before the first question. Where replies have come, loop.Later calls `user` under `tag`.
  void Attach(event::Loop& loop, event::IoHandler& user, uint8_t tag);

  // The search list applies to names with few dots and without one at their end. Each question gets exactly
  // one reply, perhaps before this returns.
  void AskAddresses(const std::string& name, int family, uint64_t ticket);  // AF_INET or AF_INET6
  void AskServices(const std::string& name, uint64_t ticket);

  // Those that have come since the last call.
  std::vector<Reply> TakeReplies();

  void OnReady(event::Ready ready) override;  // its timer

 private:
  struct Question;
  // One of c-ares' sockets; retired when c-ares closes it.
  struct Socket final : event::IoHandler {
    Socket(Channel& owner, int descriptor)
        : channel(owner), fd(descriptor), target(event::Target(*this, 0)) {}
    void OnReady(event::Ready ready) override;
    Channel& channel;
    const int fd;
    event::Target target;
  };

  Channel(base::Duration timeout) : timeout_(timeout), timer_(*this) {}
  static void OnSocket(void* channel, int fd, int readable, int writable);
  static void OnAddresses(void* question, int status, int timeouts, ares_addrinfo* result);
  static void OnServices(void* question, int status, int timeouts, unsigned char* answer, int length);
  void WatchSocket(int fd, event::Interest interest);
  void ForgetSocket(int fd);
  void Process(int read_fd, int write_fd);
  void Asked();
  void Keep(Reply reply);
  void ArmTimer();

  const base::Duration timeout_;
  ares_channeldata* channel_ = nullptr;
  event::Loop* loop_ = nullptr;       // null until Attach, as the next
  event::IoHandler* user_ = nullptr;  // null again in the destructor
  uint8_t tag_ = 0;
  // Armed while there are questions, and due before the first of them is: each has a timeout of its own that
  // was at least timeout_ away when it was set.
  event::Timer timer_;
  absl::flat_hash_map<int, std::unique_ptr<Socket>> sockets_;  // by descriptor
  std::vector<Reply> replies_;
};

}  // namespace hawser::resolve
