#include "tests/integration/harness/socket_memory.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <sys/socket.h>

#include <array>
#include <cstdlib>
#include <cstring>

#include "proxy/net/socket.h"

namespace hawser::integration {
namespace {

constexpr uint32_t kEstablished = 1;

struct Question {
  nlmsghdr header{.nlmsg_len = sizeof(Question),
                  .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                  .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP};
  inet_diag_req_v2 request{.sdiag_family = AF_INET,
                           .sdiag_protocol = IPPROTO_TCP,
                           .idiag_ext = 1 << (INET_DIAG_SKMEMINFO - 1),
                           .idiag_states = 1U << kEstablished};
};

size_t MemoryIn(const nlmsghdr* message) {
  const auto* socket = reinterpret_cast<const inet_diag_msg*>(message + 1);
  int left = static_cast<int>(message->nlmsg_len - NLMSG_LENGTH(sizeof *socket));
  const auto* attribute = reinterpret_cast<const rtattr*>(socket + 1);
  for (; RTA_OK(attribute, left); attribute = RTA_NEXT(attribute, left)) {
    if (attribute->rta_type != INET_DIAG_SKMEMINFO) continue;
    std::array<uint32_t, SK_MEMINFO_VARS> values{};
    std::memcpy(values.data(), RTA_DATA(attribute), std::min(sizeof values, RTA_PAYLOAD(attribute)));
    return size_t{values[SK_MEMINFO_RMEM_ALLOC]} + values[SK_MEMINFO_WMEM_QUEUED] +
           values[SK_MEMINFO_FWD_ALLOC];
  }
  return 0;
}

}  // namespace

SocketMemory SocketMemoryOf(uint16_t local_port, uint16_t remote_port) {
  const net::Socket diag(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));
  Question question;
  EXPECT_EQ(send(diag.fd(), &question, sizeof question, 0), static_cast<ssize_t>(sizeof question));
  SocketMemory memory;
  alignas(nlmsghdr) std::array<char, 1 << 16> answer;
  while (true) {
    ssize_t size = recv(diag.fd(), answer.data(), answer.size(), 0);
    auto* message = reinterpret_cast<nlmsghdr*>(answer.data());
    for (; NLMSG_OK(message, size); message = NLMSG_NEXT(message, size)) {
      if (message->nlmsg_type == NLMSG_DONE || message->nlmsg_type == NLMSG_ERROR) return memory;
      const auto* socket = reinterpret_cast<const inet_diag_msg*>(message + 1);
      if (local_port != 0 && ntohs(socket->id.idiag_sport) != local_port) continue;
      if (remote_port != 0 && ntohs(socket->id.idiag_dport) != remote_port) continue;
      ++memory.sockets;
      memory.bytes += MemoryIn(message);
    }
    if (size <= 0 && message == reinterpret_cast<nlmsghdr*>(answer.data())) {
      ADD_FAILURE() << "no answer from the kernel: " << std::strerror(errno);
      return memory;
    }
  }
}

uint16_t PortOf(const char* address) {
  return static_cast<uint16_t>(std::atoi(std::strrchr(address, ':') + 1));
}

}  // namespace hawser::integration
