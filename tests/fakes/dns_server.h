// A DNS server on loopback, over UDP and TCP on one port, that answers as a test tells it, at once for each
// question. It answers like a recursive resolver: a CNAME is followed, and what it leads to is in the same
// answer. A name that was not set is NXDOMAIN; one that has other records than those asked for has no data.
// An answer that does not fit the asker's packet is truncated, so that it asks again by TCP.
//
//   fakes::DnsServer dns;
//   dns.SetAddresses("rooms.test", {"127.0.0.2", "127.0.0.3"}, 30s);
//
// Runs on a thread of its own; its methods may be called from any.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "proxy/net/socket.h"

namespace hawser::fakes {

class DnsServer {
 public:
  enum Type : uint16_t { kA = 1, kCname = 5, kAaaa = 28, kSrv = 33 };
  enum Code : uint8_t { kNoError = 0, kFormErr = 1, kServFail = 2, kNxDomain = 3, kRefused = 5 };

  struct Service {
    uint16_t priority = 0;
    uint16_t weight = 0;
    uint16_t port = 0;
    std::string target;  // "" is "."
  };

  explicit DnsServer(const std::string& ip = "127.0.0.1");
  ~DnsServer();
  DnsServer(const DnsServer&) = delete;
  DnsServer& operator=(const DnsServer&) = delete;

  const std::string& address() const { return address_; }  // "127.0.0.1:40312"

  // What a name has, in the place of what it had of the same types. IPv4 and IPv6 in one list.
  void SetAddresses(const std::string& name, const std::vector<std::string>& ips, std::chrono::seconds ttl);
  void SetServices(const std::string& name, const std::vector<Service>& services, std::chrono::seconds ttl);
  void SetAlias(const std::string& name, const std::string& target, std::chrono::seconds ttl);
  // The name is NXDOMAIN again.
  void Remove(const std::string& name);

  // Instead of an answer, to questions for this name (of one type, if given), until Answer.
  void Fail(const std::string& name, Code code, uint16_t type = 0);
  void BeSilent(const std::string& name, uint16_t type = 0);
  // The next `count` questions by UDP are lost.
  void LoseQuestions(int count);
  void Answer(const std::string& name);

  // Questions so far, answered or not.
  int questions() const;
  int questions(const std::string& name, uint16_t type = 0) const;
  int tcp_questions() const;

 private:
  struct Record {
    uint16_t type = 0;
    uint32_t ttl = 0;
    std::string data;
  };
  struct Fault {
    bool silent = false;
    Code code = kNoError;
  };
  struct Question {
    std::string name;  // in lower case
    uint16_t type = 0;
    uint16_t most_udp_bytes = 512;
    std::string id;
    std::string text;  // the question as it stands in the message
  };

  void Run();
  void AnswerUdp();
  bool AnswerTcp(int fd);
  static Question Parse(std::string_view message);
  // Empty: none.
  std::string Reply(std::string_view message, bool tcp);
  void AddRecords(const Question& question, std::vector<std::pair<std::string, Record>>& answer,
                  bool& exists) const;

  net::Socket udp_;
  net::Socket tcp_;
  net::Socket stop_;
  std::string address_;
  mutable std::mutex mutex_;  // over the rest
  std::map<std::string, std::vector<Record>> names_;
  std::map<std::pair<std::string, uint16_t>, Fault> faults_;  // type 0: all of them
  std::map<std::pair<std::string, uint16_t>, int> asked_;
  int tcp_asked_ = 0;
  int to_lose_ = 0;
  std::thread thread_;
};

}  // namespace hawser::fakes
