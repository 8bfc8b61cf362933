# The proxies of bench/flood, each with the best protection that it can be configured to, and the same limits: of each
# address 100 connections, 20 new ones a second, 40 at once. The short deadlines are those that the vendors' own articles
# on floods give (5 s for a head). What would also turn honest newcomers away is left out: haproxy's maxconnrate and
# maxsslrate, bans of the whole listener. nginx cannot limit connections before their first request.
import os

from harness.peers import MOST_FILES


def hawser(site):
    limits = '''    limits:
      connections_per_ip: 100
      connection_rate_per_ip: { rate: 20/s, burst: 40 }'''
    path = site.write('hawser.yaml', f'''access_log:
  path: access.log
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
{limits}
routes:
  - match: {{ path_prefix: /attack }}
    cluster: attack
  - match: {{ path_prefix: / }}
    cluster: echo
clusters:
  - name: echo
    endpoints: [ 127.0.0.1:{site.bench.backend} ]
  - name: attack
    endpoints: [ 127.0.0.1:{site.bench.attacked_backend} ]
''')
    return [site.bench.hawser, 'run', '-c', path, '--concurrency', '1'], {}


# A request's head and body are waited for no longer than http-request; a TLS handshake no longer than client. Kernel
# buffers are bounded where they would grow for a client that does not read.
def haproxy(site):
    path = site.write('haproxy.cfg', f'''global
  nbthread 1
  maxconn {MOST_FILES // 2 - 100}
  log stdout format raw local0
  ssl-default-bind-options ssl-min-ver TLSv1.2
  tune.sched.low-latency on
  tune.sndbuf.client 262144
  tune.rcvbuf.server 262144
defaults
  mode http
  log global
  option httplog
  option dontlognull
  option http-buffer-request
  timeout connect 5s
  timeout client 10s
  timeout client-fin 5s
  timeout http-request 5s
  timeout http-keep-alive 10s
  timeout server 30s
  timeout tunnel 1h
frontend edge
  maxconn {MOST_FILES // 2 - 100}
  bind 127.0.0.1:{site.plain_port}
  bind 127.0.0.1:{site.tls_port} ssl crt {os.path.join(site.bench.directory, 'both.pem')} alpn h2,http/1.1
  stick-table type ip size 200k expire 10s store conn_cur,conn_rate(2s)
  tcp-request connection track-sc0 src
  tcp-request connection reject if {{ sc0_conn_cur gt 100 }} or {{ sc0_conn_rate gt 40 }}
  option forwardfor
  use_backend attack if {{ path_beg /attack }}
  default_backend echo
backend echo
  server echo 127.0.0.1:{site.bench.backend}
backend attack
  server attack 127.0.0.1:{site.bench.attacked_backend}
''')
    return ['haproxy', '-db', '-f', path], {}


# nginx closes idle connections when free ones of worker_connections become few: there are fewer than descriptors.
def nginx(site):
    forward = '''
      proxy_http_version 1.1;
      proxy_set_header Host $host;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection $connection_field;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;'''
    path = site.write('nginx.conf', f'''daemon off;
worker_processes 1;
worker_rlimit_nofile {MOST_FILES};
user root;
pid nginx.pid;
error_log error.log error;
events {{ worker_connections {MOST_FILES - 100}; }}
http {{
  map $http_upgrade $connection_field {{ default upgrade; '' ''; }}
  limit_conn_zone $binary_remote_addr zone=held:10m;
  limit_req_zone $binary_remote_addr zone=opened:10m rate=20r/s;
  upstream echo {{ server 127.0.0.1:{site.bench.backend}; keepalive 64; }}
  upstream attack {{ server 127.0.0.1:{site.bench.attacked_backend}; keepalive 64; }}
  access_log access.log;
  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
  limit_conn held 100;
  limit_req zone=opened burst=40 nodelay;
  client_header_timeout 5s;
  client_body_timeout 5s;
  send_timeout 10s;
  keepalive_timeout 10s;
  lingering_timeout 2s;
  reset_timedout_connection on;
  client_header_buffer_size 1k;
  large_client_header_buffers 4 8k;
  http2_max_concurrent_streams 100;
  server {{
    listen 127.0.0.1:{site.plain_port} backlog=4096 sndbuf=256k;
    listen 127.0.0.1:{site.tls_port} ssl http2 backlog=4096 sndbuf=256k;
    ssl_certificate {site.bench.certificate};
    ssl_certificate_key {site.bench.key};
    ssl_protocols TLSv1.2 TLSv1.3;
    location / {{
      proxy_pass http://echo;{forward}
    }}
    location /attack {{
      proxy_pass http://attack;{forward}
    }}
  }}
}}
''')
    return ['nginx', '-p', site.directory, '-c', path, '-e', 'error.log'], {}


GUARDED = {'hawser': hawser, 'haproxy': haproxy, 'nginx': nginx}
