// TLS handshakes that lead nowhere, made of bytes that are prepared once: the ClientHello is OpenSSL's own,
// and only its random differs from one connection to the next.
#include <algorithm>
#include <cstring>
#include <random>
#include <vector>

#include "bench/load/attack/families.h"
#include "bench/load/attack/slot.h"
#include "bench/load/attack/tally.h"
#include "bench/load/tls.h"

namespace hawser::bench::attack {
namespace {

constexpr size_t kRandomAt =
    11;  // behind the record's header, the message's and the version (RFC 8446 §4.1.2)
constexpr size_t kRandomBytes = 32;

class Noise {
 public:
  void Fill(std::span<std::byte> bytes) {
    while (!bytes.empty()) {
      const uint64_t word = words_();
      const size_t count = std::min(bytes.size(), sizeof word);
      std::memcpy(bytes.data(), &word, count);
      bytes = bytes.subspan(count);
    }
  }

 private:
  std::mt19937_64 words_{11};
};

class Hello {
 public:
  explicit Hello(const AttackOptions& options) {
    const auto context = TlsContext::ForClient("", false, false);
    TlsChannel channel(**context, bytes_, options.host);
    channel.Start();
  }

  // Of another client each time.
  std::span<const std::byte> Next() {
    noise_.Fill(std::span(bytes_).subspan(kRandomAt, kRandomBytes));
    return bytes_;
  }

 private:
  std::vector<std::byte> bytes_;
  Noise noise_;
};

// The server's first bytes have cost it a key exchange and a signature.
class ResettingAfterHello : public Attack {
 public:
  explicit ResettingAfterHello(const AttackOptions& options) : hello_(options) {}

  void OnConnected(Slot& slot) override { slot.Send(hello_.Next()); }
  void OnReceived(Slot& slot, std::span<const std::byte>) override {
    slot.Add(Count::kUnits);
    slot.Reset();
  }

 private:
  Hello hello_;
};

// Every other time behind the header of a record that holds a handshake message.
class SendingGarbage : public Attack {
 public:
  void OnConnected(Slot& slot) override {
    noise_.Fill(bytes_);
    framed_ = !framed_;
    if (framed_) {
      constexpr size_t kPayload = kBytes - 5;
      const std::array<uint8_t, 5> header = {22, 3, 1, kPayload >> 8, kPayload & 0xff};
      std::memcpy(bytes_.data(), header.data(), header.size());
    }
    slot.Send(bytes_);
    slot.Add(Count::kUnits);
  }

 private:
  static constexpr size_t kBytes = 517;
  std::array<std::byte, kBytes> bytes_;
  Noise noise_;
  bool framed_ = false;
};

// Every other time not even half a ClientHello.
class Stalling : public Attack {
 public:
  explicit Stalling(const AttackOptions& options) : hello_(options) {}

  void OnConnected(Slot& slot) override {
    speaks_ = !speaks_;
    if (!speaks_) return;
    const auto hello = hello_.Next();
    slot.Send(hello.first(hello.size() / 2));
    slot.Add(Count::kUnits);
  }

 private:
  Hello hello_;
  bool speaks_ = false;
};

}  // namespace

Made ResetAfterHello(const AttackOptions& options) {
  return std::make_unique<ResettingAfterHello>(options);
}

Made Garbage(const AttackOptions&) {
  return std::make_unique<SendingGarbage>();
}

Made StalledHello(const AttackOptions& options) {
  return std::make_unique<Stalling>(options);
}

}  // namespace hawser::bench::attack
