# The attacks of bench/flood: each is one run of `hawser_load attack` against one newly started proxy that serves honest
# clients at the same time. Attackers from many addresses stay below the limits of each: 100 connections, 20 new ones a
# second.
from dataclasses import dataclass, field


@dataclass
class Attack:
    name: str
    title: str
    kind: str               # of hawser_load
    sources: int = 1000     # addresses
    encrypted: bool = True  # the TLS listener is attacked
    more: list = field(default_factory=list)

    def command(self, bench, site, seconds):
        port = site.tls_port if self.encrypted else site.plain_port
        return [bench.load, 'attack', '--kind', self.kind, '--target', f'127.0.0.1:{port}', '--sources', str(self.sources),
                '--seconds', str(seconds), '--json', *self.more]


def plain(name, title, kind, sources, *more):
    return Attack(name, title, kind, sources, False, list(more))


def tls(name, title, kind, sources, *more):
    return Attack(name, title, kind, sources, True, list(more))


def http2(name, title):
    return Attack(name, f'HTTP/2: {title}, 20 connections', name, 20, True, ['--tls', '--connections', '20'])


def all_attacks():
    attacks = [
        tls('tls-hello-reset', 'ClientHello, reset after the answer, 4,000/s', 'tls-hello-reset', 1000, '--rate', '4000'),
        tls('tls-garbage', 'TLS garbage, 4,000/s', 'tls-garbage', 1000, '--rate', '4000'),
        tls('tls-stall', '10,000 handshakes that stall, 500 addresses', 'tls-stall', 500, '--connections', '10000', '--rate',
            '2500'),
        tls('tls-close', 'whole TLS handshakes, then close, 4,000/s', 'tls-close', 1000, '--rate', '4000'),
        plain('tiny-messages', '20 tunnels, 1-byte messages as fast as they can', 'tiny-messages', 20),
        plain('silent', '18,000 silent connections, 300 addresses', 'silent', 300, '--rate', '4500'),
        plain('slow-heads', '16,000 slow heads, 300 addresses', 'slow-heads', 300, '--rate', '4500'),
        plain('slow-bodies', '8,000 slow bodies, 300 addresses', 'slow-bodies', 300, '--connections', '8000', '--rate', '2500'),
        plain('no-read', '400 tunnels ask for 16 MiB and do not read', 'no-read', 400),
        plain('connect-held', '18,000 connections held, 1,000 addresses', 'connect-held', 1000, '--rate', '4500'),
        plain('connect-held-1', 'connections held, one address', 'connect-held', 1, '--rate', '4500'),
        plain('connect-churn', 'connect and close, 15,000/s', 'connect-churn', 1000, '--rate', '15000'),
        plain('connect-churn-1', 'connect and close, 15,000/s, one address', 'connect-churn', 1, '--rate', '15000'),
        plain('connect-reset', 'connect and reset, 15,000/s', 'connect-reset', 1000, '--rate', '15000'),
        plain('connect-reset-1', 'connect and reset, 15,000/s, one address', 'connect-reset', 1, '--rate', '15000'),
        plain('empty-pings', '20 tunnels, empty pings as fast as they can', 'empty-pings', 20),
        plain('empty-fragments', '20 tunnels, empty fragments without end', 'empty-fragments', 20),
        plain('slow-frame', '400 tunnels, a 1 GiB frame a byte at a time', 'slow-frame', 400),
        http2('h2-rapid-reset', 'requests that are reset at once'),
        http2('h2-settings', 'SETTINGS'),
        http2('h2-ping', 'PING'),
        http2('h2-continuation', 'CONTINUATION without end'),
        http2('h2-empty-data', 'empty DATA without end'),
        http2('h2-header-bomb', 'heads that decode to megabytes'),
    ]
    return {attack.name: attack for attack in attacks}


# What `--quick` measures: a sample of each family.
QUICK = ('tls-hello-reset', 'tiny-messages', 'silent', 'slow-heads', 'no-read', 'h2-rapid-reset')
SMOKE = ('tls-hello-reset', 'tiny-messages')
