// The kinds of attack: what each is called, does, and needs. A new one is a row here and a class in its
// family's file.
#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "bench/load/attack/attack.h"
#include "bench/load/options.h"

namespace hawser::bench::attack {

// Which bytes of TLS the swarm makes for the attack.
enum class Tls : uint8_t {
  kNone,    // none: the attack's bytes go to the socket, whatever the proxy expects there
  kEither,  // as --tls says
  kAlways,
};

struct Kind {
  std::string_view name;
  std::string_view help;
  std::unique_ptr<Attack> (*make)(const AttackOptions& options);
  Tls tls;
  bool http2 = false;       // offered by ALPN, alone
  bool turns_over = false;  // the oldest connection makes room for the next
  // Where the command line says nothing.
  size_t connections = 1000;
  double rate = 1000;
  double interval = 0;
};

std::span<const Kind> Kinds();
// Null: there is none.
const Kind* FindKind(std::string_view name);

}  // namespace hawser::bench::attack
