# The proxies that are compared: how each is installed, configured and started, with one worker. Each is configured as
# its users run it: access log on, TLS 1.2 and 1.3, no time limit that would cut an idle tunnel during a measurement.
import os
import shutil
import subprocess
from dataclasses import dataclass, field

from harness.processes import Process, free_port, wait_for_port

HOST = 'bench.example.com'
MOST_FILES = 20000


@dataclass
class Bench:
    """What all measurements share: binaries, CPUs, a scratch directory, certificates and the backends' ports."""
    build: str
    directory: str
    proxy_cpu: int
    load_cpu: int
    backend: int = 0
    tls_backend: int = 0
    attacked_backend: int = 0  # of bench/flood, for the attackers' tunnels
    control_backend: int = 0   # of bench/flood, past the proxy
    honest_precedence: str = None  # of bench/flood, as processes.Process has it
    attack_precedence: str = None
    started: int = 0
    certificate: str = ''
    key: str = ''

    @property
    def load(self):
        return os.path.join(self.build, 'bench', 'hawser_load')

    @property
    def floor(self):
        return os.path.join(self.build, 'bench', 'hawser_floor')

    @property
    def hawser(self):
        return os.path.join(self.build, 'hawser')

    def fresh_directory(self, name):
        self.started += 1
        path = os.path.join(self.directory, f'{self.started:04}-{name}')
        os.mkdir(path)
        return path

    def make_certificate(self):
        self.certificate = os.path.join(self.directory, 'server.crt')
        self.key = os.path.join(self.directory, 'server.key')
        subprocess.run(
            ['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '30',
             '-subj', f'/CN={HOST}', '-addext', f'subjectAltName=DNS:{HOST}', '-keyout', self.key,
             '-out', self.certificate], check=True, capture_output=True)
        with open(os.path.join(self.directory, 'both.pem'), 'w') as both:
            both.write(open(self.certificate).read() + open(self.key).read())


@dataclass
class Site:
    """Where one started proxy has its files and listens."""
    bench: Bench
    directory: str
    tls: bool
    plain_port: int = field(default_factory=free_port)
    tls_port: int = field(default_factory=free_port)
    admin_port: int = field(default_factory=free_port)

    def write(self, name, text):
        path = os.path.join(self.directory, name)
        with open(path, 'w') as file:
            file.write(text)
        return path

    @property
    def port(self):
        return self.tls_port if self.tls else self.plain_port


def hawser(site):
    limits = '''    limits:
      connections: 200000
      connections_per_ip: 100000
      connection_rate_per_ip: { rate: 1000000/s, burst: 1000000 }'''
    path = site.write('hawser.yaml', f'''admin:
  address: 127.0.0.1:{site.admin_port}
access_log:
  path: access.log
  format: json
listeners:
  - name: plain
    address: 127.0.0.1:{site.plain_port}
{limits}
  - name: edge
    address: 127.0.0.1:{site.tls_port}
    tls:
      certificates:
        - certificate: {site.bench.certificate}
          private_key: {site.bench.key}
      min_version: TLSv1.2
{limits}
routes:
  - match: {{ path_prefix: / }}
    cluster: echo
    websocket:
      keepalive: {{ interval: 30s, timeout: 10s, to: both }}
      close_timeout: 5s
clusters:
  - name: echo
    lb_policy: round_robin
    connect_timeout: 2s
    endpoints: [ 127.0.0.1:{site.bench.backend} ]
''')
    return [site.bench.hawser, 'run', '-c', path, '--concurrency', '1'], {}


def floor(site, *more):
    command = [site.bench.floor, '--listen', f'127.0.0.1:{site.port}', '--backend', f'127.0.0.1:{site.bench.backend}']
    if site.tls:
        command += ['--certificate', site.bench.certificate, '--private-key', site.bench.key]
    return command + list(more), {}


def floor_splice(site):
    return floor(site, '--splice')


def nginx(site, buffer='4k'):
    path = site.write('nginx.conf', f'''daemon off;
worker_processes 1;
worker_rlimit_nofile {MOST_FILES};
user root;
pid nginx.pid;
error_log error.log warn;
events {{ worker_connections {MOST_FILES}; }}
http {{
  map $http_upgrade $connection_field {{ default upgrade; '' ''; }}
  upstream echo {{ server 127.0.0.1:{site.bench.backend}; keepalive 64; }}
  access_log access.log;
  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
  server {{
    listen 127.0.0.1:{site.plain_port} backlog=4096;
    listen 127.0.0.1:{site.tls_port} ssl http2 backlog=4096;
    keepalive_requests 1000000000;
    ssl_certificate {site.bench.certificate};
    ssl_certificate_key {site.bench.key};
    ssl_protocols TLSv1.2 TLSv1.3;
    location / {{
      proxy_pass http://echo;
      proxy_http_version 1.1;
      proxy_set_header Host $host;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection $connection_field;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_read_timeout 1h;
      proxy_send_timeout 1h;
      proxy_buffer_size {buffer};
      proxy_buffers 8 {buffer};
      proxy_busy_buffers_size {2 * int(buffer[:-1])}k;
    }}
  }}
}}
''')
    return ['nginx', '-p', site.directory, '-c', path, '-e', 'error.log'], {}


def nginx_64k(site):
    return nginx(site, '64k')


def haproxy(site):
    path = site.write('haproxy.cfg', f'''global
  nbthread 1
  maxconn {MOST_FILES // 2 - 100}
  log stdout format raw local0
  ssl-default-bind-options ssl-min-ver TLSv1.2
defaults
  mode http
  log global
  option httplog
  timeout connect 5s
  timeout client 1h
  timeout server 1h
  timeout tunnel 1h
frontend edge
  maxconn {MOST_FILES // 2 - 100}
  bind 127.0.0.1:{site.plain_port}
  bind 127.0.0.1:{site.tls_port} ssl crt {os.path.join(site.bench.directory, 'both.pem')} alpn h2,http/1.1
  option forwardfor
  default_backend echo
backend echo
  server echo 127.0.0.1:{site.bench.backend}
''')
    return ['haproxy', '-db', '-f', path], {}


def nghttpx(site):
    return ['nghttpx', '--conf=/dev/null', f'--frontend=127.0.0.1,{site.plain_port};no-tls',
            f'--frontend=127.0.0.1,{site.tls_port}', f'--backend=127.0.0.1,{site.bench.backend}', '--workers=1',
            f'--accesslog-file={site.directory}/access.log', '--no-ocsp', '--backlog=4096',
            f'--rlimit-nofile={MOST_FILES}', '--frontend-read-timeout=1h', '--backend-read-timeout=1h',
            site.bench.key, site.bench.certificate], {}


def caddy(site):
    # One operating system thread runs Go code; its runtime's own threads share the CPU.
    path = site.write('Caddyfile', f'''{{
  admin off
  auto_https off
}}
(site) {{
  bind 127.0.0.1
  log {{
    output file {site.directory}/access.log
  }}
  reverse_proxy 127.0.0.1:{site.bench.backend}
}}
http://:{site.plain_port} {{
  import site
}}
https://:{site.tls_port} {{
  tls {site.bench.certificate} {site.bench.key}
  import site
}}
''')
    home = {'HOME': site.directory, 'XDG_DATA_HOME': site.directory, 'XDG_CONFIG_HOME': site.directory, 'GOMAXPROCS': '1'}
    return ['caddy', 'run', '--config', path, '--adapter', 'caddyfile'], home


# Name, what it needs installed (an attribute of Bench or a program), and how its command is made.
PEERS = {
    'none': (None, None),
    'floor': ('floor', floor),
    'splice': ('floor', floor_splice),
    'hawser': ('hawser', hawser),
    'nginx': ('nginx', nginx),
    'nginx-64k': ('nginx', nginx_64k),
    'haproxy': ('haproxy', haproxy),
    'nghttpx': ('nghttpx', nghttpx),
    'caddy': ('caddy', caddy),
}


def available(bench, name):
    program, _ = PEERS[name]
    if program is None:
        return True
    path = getattr(bench, program, None) or shutil.which(program, path=os.environ['PATH'] + ':/usr/sbin')
    return path is not None and os.path.exists(path)


class Peer:
    """A started proxy, or none: then its port is the backend's own. To be used in a `with`. `configure` makes the command
    where it is not that of PEERS."""

    def __init__(self, bench, name, tls, configure=None):
        self.name = name
        self.process = None
        self.port = bench.tls_backend if tls else bench.backend
        if name == 'none':
            return
        site = Site(bench, bench.fresh_directory(name), tls)
        command, environment = (configure or PEERS[name][1])(site)
        self.site = site
        self.port = site.port
        self.process = Process(command, bench.proxy_cpu, os.path.join(site.directory, 'output.log'),
                               environment=environment, directory=site.directory)
        try:
            wait_for_port(self.process, self.port)
        except BaseException:
            self.process.stop()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process:
            self.process.stop()

    def pids(self):
        return self.process.pids() if self.process else []


def versions(names):
    """One line per peer that prints a version."""
    commands = {'nginx': ['nginx', '-v'], 'haproxy': ['haproxy', '-v'], 'nghttpx': ['nghttpx', '-v'], 'caddy': ['caddy', 'version']}
    lines = []
    for name, command in commands.items():
        if name in names:
            done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, 'PATH': os.environ['PATH'] + ':/usr/sbin'})
            lines.append(f'{name}: {(done.stdout + done.stderr).strip().splitlines()[0]}')
    return lines
