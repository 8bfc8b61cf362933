#include "tests/fakes/dns_server.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>

#include <arpa/inet.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include "proxy/base/check.h"
#include "proxy/net/address.h"

namespace hawser::fakes {
namespace {

constexpr uint16_t kInternet = 1;
constexpr uint16_t kOption = 41;  // EDNS (RFC 6891)

std::string U16(uint64_t number) {
  return {static_cast<char>(number >> 8), static_cast<char>(number)};
}
std::string U32(uint64_t number) {
  return U16(number >> 16) + U16(number & 0xffff);
}
uint16_t U16At(std::string_view bytes, size_t at) {
  if (at + 2 > bytes.size()) return 0;
  return static_cast<uint16_t>(static_cast<uint8_t>(bytes[at]) << 8 | static_cast<uint8_t>(bytes[at + 1]));
}

std::string Lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char byte) { return std::tolower(byte); });
  return text;
}

// In wire format, without compression.
std::string WireName(const std::string& name) {
  std::string wire;
  for (size_t at = 0; at < name.size();) {
    const size_t dot = std::min(name.find('.', at), name.size());
    wire += static_cast<char>(dot - at);
    wire.append(name, at, dot - at);
    at = dot + 1;
  }
  return wire + '\0';
}

net::Socket Bound(int type, const net::SocketAddress& address) {
  net::Socket socket(::socket(address.family(), type | SOCK_CLOEXEC, 0));
  sockaddr_storage native{};
  const socklen_t length = address.ToNative(native);
  if (bind(socket.fd(), reinterpret_cast<const sockaddr*>(&native), length) != 0) return {};
  return socket;
}

std::string ReadExactly(int fd, size_t count) {
  std::string bytes(count, '\0');
  const ssize_t got = recv(fd, bytes.data(), count, MSG_WAITALL);
  return got == static_cast<ssize_t>(count) ? bytes : "";
}

}  // namespace

DnsServer::DnsServer(const std::string& ip) : stop_(eventfd(0, EFD_CLOEXEC)) {
  while (!tcp_.open()) {  // until a port is free for both
    udp_ = Bound(SOCK_DGRAM, net::SocketAddress(*net::IpAddress::Parse(ip), 0));
    HAWSER_DCHECK(udp_.open());
    tcp_ = Bound(SOCK_STREAM, *net::LocalAddress(udp_));
  }
  listen(tcp_.fd(), SOMAXCONN);
  address_ = net::LocalAddress(udp_)->ToString();
  thread_ = std::thread([this] { Run(); });
}

DnsServer::~DnsServer() {
  eventfd_write(stop_.fd(), 1);
  thread_.join();
}

void DnsServer::SetAddresses(const std::string& name, const std::vector<std::string>& ips,
                             std::chrono::seconds ttl) {
  const std::lock_guard lock(mutex_);
  auto& records = names_[Lower(name)];
  std::erase_if(records, [](const Record& record) { return record.type == kA || record.type == kAaaa; });
  for (const std::string& text : ips) {
    const net::IpAddress ip = *net::IpAddress::Parse(text);
    records.push_back({.type = ip.v4() ? kA : kAaaa,
                       .ttl = static_cast<uint32_t>(ttl.count()),
                       .data = {ip.bytes().begin(), ip.bytes().end()}});
  }
}

void DnsServer::SetServices(const std::string& name, const std::vector<Service>& services,
                            std::chrono::seconds ttl) {
  const std::lock_guard lock(mutex_);
  auto& records = names_[Lower(name)];
  std::erase_if(records, [](const Record& record) { return record.type == kSrv; });
  for (const Service& service : services) {
    records.push_back(
        {.type = kSrv,
         .ttl = static_cast<uint32_t>(ttl.count()),
         .data = U16(service.priority) + U16(service.weight) + U16(service.port) + WireName(service.target)});
  }
}

void DnsServer::SetAlias(const std::string& name, const std::string& target, std::chrono::seconds ttl) {
  const std::lock_guard lock(mutex_);
  names_[Lower(name)] = {{.type = kCname, .ttl = static_cast<uint32_t>(ttl.count()), .data = Lower(target)}};
}

void DnsServer::Remove(const std::string& name) {
  const std::lock_guard lock(mutex_);
  names_.erase(Lower(name));
}

void DnsServer::Fail(const std::string& name, Code code, uint16_t type) {
  const std::lock_guard lock(mutex_);
  faults_[{Lower(name), type}] = {.code = code};
}

void DnsServer::BeSilent(const std::string& name, uint16_t type) {
  const std::lock_guard lock(mutex_);
  faults_[{Lower(name), type}] = {.silent = true};
}

void DnsServer::Answer(const std::string& name) {
  const std::lock_guard lock(mutex_);
  std::erase_if(faults_, [&](const auto& fault) { return fault.first.first == Lower(name); });
}

void DnsServer::LoseQuestions(int count) {
  const std::lock_guard lock(mutex_);
  to_lose_ = count;
}

int DnsServer::questions() const {
  const std::lock_guard lock(mutex_);
  int sum = 0;
  for (const auto& [question, count] : asked_) sum += count;
  return sum;
}

int DnsServer::questions(const std::string& name, uint16_t type) const {
  const std::lock_guard lock(mutex_);
  int sum = 0;
  for (const auto& [question, count] : asked_) {
    if (question.first == Lower(name) && (type == 0 || question.second == type)) sum += count;
  }
  return sum;
}

int DnsServer::tcp_questions() const {
  const std::lock_guard lock(mutex_);
  return tcp_asked_;
}

// Several connections at a time: c-ares keeps one open while it asks by UDP.
void DnsServer::Run() {
  std::vector<net::Socket> connections;
  while (true) {
    std::vector<pollfd> ready;
    for (const int fd : {stop_.fd(), udp_.fd(), tcp_.fd()})
      ready.push_back({.fd = fd, .events = POLLIN, .revents = 0});
    for (const auto& connection : connections) {
      ready.push_back({.fd = connection.fd(), .events = POLLIN, .revents = 0});
    }
    poll(ready.data(), ready.size(), -1);
    if (ready[0].revents != 0) return;
    if (ready[1].revents != 0) AnswerUdp();
    for (size_t i = connections.size(); i-- > 0;) {
      if (ready[3 + i].revents != 0 && !AnswerTcp(connections[i].fd())) {
        connections.erase(connections.begin() + static_cast<ptrdiff_t>(i));
      }
    }
    if (ready[2].revents != 0) connections.emplace_back(accept4(tcp_.fd(), nullptr, nullptr, SOCK_CLOEXEC));
  }
}

void DnsServer::AnswerUdp() {
  std::array<char, 4096> buffer;
  sockaddr_storage from{};
  socklen_t length = sizeof from;
  auto* const peer = reinterpret_cast<sockaddr*>(&from);
  const ssize_t got = recvfrom(udp_.fd(), buffer.data(), buffer.size(), 0, peer, &length);
  if (got <= 0) return;
  const std::string reply = Reply({buffer.data(), static_cast<size_t>(got)}, false);
  if (!reply.empty()) sendto(udp_.fd(), reply.data(), reply.size(), 0, peer, length);
}

// One question, which stands behind its length. False at the end of the connection.
bool DnsServer::AnswerTcp(int fd) {
  const std::string size = ReadExactly(fd, 2);
  if (size.empty()) return false;
  const std::string reply = Reply(ReadExactly(fd, U16At(size, 0)), true);
  if (reply.empty()) return true;
  const std::string framed = U16(reply.size()) + reply;
  return send(fd, framed.data(), framed.size(), MSG_NOSIGNAL) > 0;
}

DnsServer::Question DnsServer::Parse(std::string_view message) {
  Question question{.id = std::string(message.substr(0, 2))};
  size_t at = 12;
  while (at < message.size() && message[at] != 0) {
    const auto length = static_cast<uint8_t>(message[at]);
    question.name += (question.name.empty() ? "" : ".") + Lower(std::string(message.substr(at + 1, length)));
    at += 1 + length;
  }
  question.type = U16At(message, at + 1);
  question.text = message.substr(12, at + 5 - 12);
  const size_t option = at + 5;  // the name of its record is the root: one byte
  if (U16At(message, 10) == 1 && U16At(message, option + 1) == kOption) {
    question.most_udp_bytes = std::max(question.most_udp_bytes, U16At(message, option + 3));
  }
  return question;
}

// Follows aliases; `exists`: whether the last name of the chain does.
void DnsServer::AddRecords(const Question& question, std::vector<std::pair<std::string, Record>>& answer,
                           bool& exists) const {
  std::string name = question.name;
  for (auto at = names_.find(name); at != names_.end(); at = names_.find(name)) {
    const std::string owner = name;
    for (const Record& record : at->second) {
      if (record.type == question.type) answer.emplace_back(owner, record);
      if (record.type != kCname) continue;
      answer.emplace_back(owner, Record{.type = kCname, .ttl = record.ttl, .data = WireName(record.data)});
      name = record.data;
    }
    exists = true;
    if (name == owner || answer.size() > 1000) return;
  }
  exists = false;
}

std::string DnsServer::Reply(std::string_view message, bool tcp) {
  const std::lock_guard lock(mutex_);
  const Question question = Parse(message);
  ++asked_[{question.name, question.type}];
  if (tcp) ++tcp_asked_;
  if (!tcp && to_lose_ > 0) return --to_lose_, "";
  Code code = kNoError;
  std::vector<std::pair<std::string, Record>> answer;
  auto fault = faults_.find({question.name, question.type});
  if (fault == faults_.end()) fault = faults_.find({question.name, 0});
  if (fault != faults_.end()) {
    if (fault->second.silent) return "";
    code = fault->second.code;
  } else {
    bool exists = false;
    AddRecords(question, answer, exists);
    if (!exists) code = kNxDomain;
  }
  std::string records;
  for (const auto& [owner, record] : answer) {
    records += (owner == question.name ? U16(0xc00c) : WireName(owner)) + U16(record.type) + U16(kInternet) +
               U32(record.ttl) + U16(record.data.size()) + record.data;
  }
  constexpr uint16_t kReply = 0x8180;  // a response; recursion desired and available
  constexpr uint16_t kTruncated = 0x0200;
  const bool truncated = !tcp && 12 + question.text.size() + records.size() > question.most_udp_bytes;
  const auto head = [&](uint16_t more, size_t count) {
    return question.id + U16(kReply | more | code) + U16(1) + U16(count) + U16(0) + U16(0) + question.text;
  };
  return truncated ? head(kTruncated, 0) : head(0, answer.size()) + records;
}

}  // namespace hawser::fakes
