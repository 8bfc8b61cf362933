// hawser_load: the load generator's command line. Each sub-command is a mode in a file of its own.
#include <sys/resource.h>

#include "CLI/CLI.hpp"
#include "bench/load/attack/kinds.h"
#include "bench/load/options.h"
#include "fmt/format.h"

namespace hawser::bench {
namespace {

void RaiseOpenFiles() {
  rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

void AddTarget(CLI::App& mode, Options& options) {
  mode.add_option("--target", options.target, "what to connect to: IP:PORT or unix:/PATH")
      ->capture_default_str();
  mode.add_option("--host", options.host, "the Host header, and the TLS server name")->capture_default_str();
  mode.add_option("--path", options.path)->capture_default_str();
  mode.add_option("--header", options.headers, "a further header line, e.g. 'Origin: https://a.example'");
  mode.add_flag("--tls", options.tls, "wss instead of ws (the certificate is not verified)");
  mode.add_option("--tls-version", options.tls_version, "this one only")
      ->check(CLI::IsMember({"1.2", "1.3"}));
  mode.add_flag("--http2", options.http2, "extended CONNECT on a stream of HTTP/2 instead of an upgrade");
  mode.add_option("--sources", options.sources, "connect from so many addresses, 127.0.0.1 and on; 0: any");
  mode.add_option("--first-source", options.first_source, "begin so many addresses behind 127.0.0.1");
  mode.add_option("-n,--connections", options.connections, "how many at once")->check(CLI::PositiveNumber);
  mode.add_option("-s,--size", options.size, "payload bytes of a message")->capture_default_str();
  mode.add_flag("--text", options.text, "text messages instead of binary ones");
  mode.add_flag("--verify", options.verify, "compare every byte of every echo, not of the first one alone");
  mode.add_option("--opening", options.opening, "connections opened at the same time")
      ->check(CLI::PositiveNumber);
  mode.add_flag("--json", options.json, "print JSON");
}

void AddWindow(CLI::App& mode, Options& options) {
  mode.add_option("-t,--seconds", options.seconds, "length of the measured window")->capture_default_str();
  mode.add_option("--warmup", options.warmup, "seconds before the window")->capture_default_str();
  mode.add_option("--observe", options.observe, "processes whose CPU time in the window is reported")
      ->delimiter(',');
}

void AddAttack(CLI::App& app, AttackOptions& options, int& status) {
  CLI::App* mode = app.add_subcommand("attack", "attack a proxy from many addresses");
  std::vector<std::string> names;
  std::string help = "Kinds:\n";
  for (const attack::Kind& kind : attack::Kinds()) {
    names.emplace_back(kind.name);
    help += fmt::format("  {:<16}  {}\n", kind.name, kind.help);
  }
  mode->footer(help);
  mode->add_option("--kind", options.kind)->required()->check(CLI::IsMember(names))->type_name("KIND");
  mode->add_option("--target", options.target, "IP:PORT")->capture_default_str();
  mode->add_option("--host", options.host, "the Host header, and the TLS server name")->capture_default_str();
  mode->add_option("--path", options.path)->capture_default_str();
  mode->add_flag("--tls", options.tls, "the kinds that work both ways: over TLS, as a client would");
  mode->add_option("--first-source", options.first_source, "the first address to connect from")
      ->capture_default_str();
  mode->add_option("--sources", options.sources, "how many addresses, from that one on")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  mode->add_option("-t,--seconds", options.seconds, "how long; 0: until SIGTERM")->capture_default_str();
  mode->add_flag("--until-eof", options.until_eof, "the end of stdin ends it as well");
  mode->add_option("-n,--connections", options.connections, "how many at once; 0: the kind's own");
  mode->add_option("-r,--rate", options.rate, "connections begun, a second; 0: the kind's own");
  mode->add_option("--interval", options.interval,
                   "slow kinds: seconds between two bytes; 0: the kind's own");
  mode->add_flag("--json", options.json, "print JSON");
  mode->callback([&] { status = RunAttack(options); });
}

void AddModes(CLI::App& app, Options& options, BackendOptions& backend, int& status) {
  CLI::App* echo = app.add_subcommand("echo", "every connection answers each echo with the next message");
  AddTarget(*echo, options);
  AddWindow(*echo, options);
  echo->add_option("-k,--outstanding", options.outstanding, "messages under way on each")
      ->check(CLI::PositiveNumber);
  echo->add_option("-c,--count", options.count,
                   "messages to measure, instead of seconds; exact with --warmup 0");
  echo->callback([&] { status = RunEcho(options); });

  CLI::App* rate =
      app.add_subcommand("rate", "a fixed rate; latency from the instant each message was meant to leave");
  AddTarget(*rate, options);
  AddWindow(*rate, options);
  rate->add_option("-r,--rate", options.rate, "messages a second over all connections")
      ->check(CLI::PositiveNumber);
  rate->callback([&] { status = RunRate(options); });

  CLI::App* churn = app.add_subcommand("churn", "open, 101, close, again");
  AddTarget(*churn, options);
  AddWindow(*churn, options);
  churn->add_option("-c,--count", options.count,
                    "handshakes to measure, instead of seconds; exact with --warmup 0");
  churn->add_flag("--resume", options.resume, "offer TLS tickets: without it every handshake is a full one");
  churn->callback([&] { status = RunChurn(options); });

  CLI::App* idle = app.add_subcommand("idle", "open tunnels and hold them; stdin takes `echo` and `quit`");
  AddTarget(*idle, options);
  idle->add_option("-t,--seconds", options.hold, "how long to hold; 0: until `quit` or a signal");
  idle->add_option("--processes", options.processes, "0: one for each 15,000 connections");
  idle->add_flag("--echo-first", options.echo_first, "one message through every tunnel once all are open");
  idle->callback([&] { status = RunIdle(options); });

  CLI::App* honest =
      app.add_subcommand("honest", "tunnels that speak on a schedule; stdin takes `mark NAME`, `quit`");
  AddTarget(*honest, options);
  honest->add_option("--interval", options.interval, "seconds between two messages of a tunnel")
      ->check(CLI::PositiveNumber);
  honest->callback([&] { status = RunHonest(options); });

  CLI::App* newcomers = app.add_subcommand(
      "newcomers", "connect, one echo, close, at a fixed rate; stdin takes `mark NAME`, `quit`");
  AddTarget(*newcomers, options);
  newcomers->add_option("-r,--rate", options.rate, "visits a second")->check(CLI::PositiveNumber);
  newcomers->add_option("--deadline", options.deadline, "seconds from a visit's beginning to its echo")
      ->check(CLI::PositiveNumber);
  newcomers->callback([&] { status = RunNewcomers(options); });

  CLI::App* serve = app.add_subcommand("backend", "a WebSocket backend that echoes");
  serve->add_option("-l,--listen", backend.listen, "IP:PORT (port 0: any) or unix:/PATH")
      ->delimiter(',')
      ->capture_default_str();
  serve->add_option("-w,--workers", backend.workers, "processes")->check(CLI::PositiveNumber);
  CLI::Option* certificate = serve->add_option("--certificate", backend.certificate, "PEM chain: serve TLS");
  serve->add_option("--private-key", backend.private_key)->needs(certificate);
  serve->add_flag("--commands", backend.commands,
                  "a text message `send N` is answered with N bytes of binary messages");
  serve->callback([&] { status = RunBackend(backend); });
}

}  // namespace
}  // namespace hawser::bench

int main(int argc, char** argv) {
  hawser::bench::RaiseOpenFiles();
  CLI::App app("hawser_load: WebSocket load, and a backend that echoes it");
  app.require_subcommand(1);
  hawser::bench::Options options;
  hawser::bench::AttackOptions attack;
  hawser::bench::BackendOptions backend;
  int status = 0;
  hawser::bench::AddModes(app, options, backend, status);
  hawser::bench::AddAttack(app, attack, status);
  CLI11_PARSE(app, argc, argv);
  return status;
}
