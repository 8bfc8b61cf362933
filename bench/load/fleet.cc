#include "bench/load/fleet.h"

#include "fmt/format.h"
#include "proxy/base/status_macros.h"

namespace hawser::bench {

absl::StatusOr<std::unique_ptr<Engine>> MakeEngine(const Options& options) {
  HAWSER_ASSIGN_OR_RETURN(const net::SocketAddress address, net::SocketAddress::Parse(options.target));
  std::unique_ptr<TlsContext> tls;
  if (options.tls) {
    HAWSER_ASSIGN_OR_RETURN(tls, TlsContext::ForClient(options.tls_version, options.resume, options.http2));
  }
  return std::unique_ptr<Engine>(new Engine{
      .poller = {},
      .scratch = {},
      .message = Message(options.size, options.text ? Opcode::kText : Opcode::kBinary),
      .address = address,
      .host = options.host,
      .path = options.path,
      .headers = options.headers,
      .sources = options.sources,
      .first_source = options.first_source,
      .http2 = options.http2,
      .verify = options.verify,
      .tls = std::move(tls),
  });
}

Fleet::Fleet(Engine& engine, const Options& options, size_t count, size_t first)
    : engine_(engine), opening_limit_(options.opening) {
  for (size_t i = 0; i < count; ++i) clients_.push_back(std::make_unique<Client>(engine, *this, first + i));
}

bool Fleet::OpenAll() {
  OpenMore();
  const size_t count = clients_.size();
  TurnUntil([&] { return open_ == count || !failures_.empty(); }, [&] { return open_; });
  if (open_ < count && failures_.empty()) failures_.Add("not open for 10 s", count - open_);
  return failures_.empty();
}

void Fleet::OpenMore() {
  while (opening_ < opening_limit_ && begun_ < clients_.size() && failures_.empty()) {
    ++opening_;
    clients_[begun_++]->Open();
  }
}

void Fleet::OnOpen(Client&) {
  --opening_;
  ++open_;
  OpenMore();
}

void Fleet::OnClosed(Client& client, std::string_view failure) {
  --(client.was_open() ? open_ : opening_);
  if (!failure.empty()) failures_.Add(failure);
}

void Fleet::CloseAll() {
  for (const auto& client : clients_) {
    client->Close();
    client->Flush();
  }
  TurnUntil([&] { return open_ == 0; }, [&] { return open_; });
  if (open_ > 0) failures_.Add("no end for 10 s after our Close", open_);
  for (const auto& client : clients_) client->Drop();
}

}  // namespace hawser::bench
