// The attacks, by what they are made of. Each file beside this one is a family.
#pragma once

#include <memory>

#include "bench/load/attack/attack.h"
#include "bench/load/options.h"

namespace hawser::bench::attack {

using Made = std::unique_ptr<Attack>;

// hold.cc: connections, and nothing on them.
Made Hold(const AttackOptions&);
Made ConnectAndClose(const AttackOptions&);
Made ConnectAndReset(const AttackOptions&);

// slow.cc: requests that never end.
Made SlowHeads(const AttackOptions& options);
Made SlowBodies(const AttackOptions& options);

// handshakes.cc: TLS handshakes that lead nowhere.
Made ResetAfterHello(const AttackOptions& options);
Made Garbage(const AttackOptions&);
Made StalledHello(const AttackOptions& options);

// tunnels.cc: frames behind a 101.
Made TinyMessages(const AttackOptions& options);
Made EmptyPings(const AttackOptions& options);
Made EmptyFragments(const AttackOptions& options);
Made SlowFrame(const AttackOptions& options);
Made UnreadMessages(const AttackOptions& options);

// http2.cc: frames of HTTP/2.
Made RapidResets(const AttackOptions& options);
Made Settings(const AttackOptions&);
Made Pings(const AttackOptions&);
Made Continuations(const AttackOptions& options);
Made EmptyData(const AttackOptions& options);
Made HeaderBomb(const AttackOptions& options);

}  // namespace hawser::bench::attack
