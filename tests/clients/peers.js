// Other proxies of Debian's, each with a configuration of docs/examples, and what it needs around that to run here.
import {readFileSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';

import {makeExampleFiles} from './hawser.js';
import {exampleFile, listens, newFolder, startServer} from './software.js';

// Writes docs/examples/FILE into a folder of its own, with other texts in the place of some, beside the certificate.
function prepare(file, texts) {
  const folder = newFolder();
  makeExampleFiles(folder);
  writeFileSync(join(folder, 'example'), exampleFile(file, texts));
  return folder;
}

const asRoot = process.getuid() === 0;

async function startNginx(file, texts, port) {
  const folder = prepare(file, texts);
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((kind) => `${kind}_temp_path ${kind};`).join(' ');
  writeFileSync(join(folder, 'nginx.conf'), `${asRoot ? 'user root;' : ''} daemon off; pid nginx.pid; error_log stderr; events {}
http { access_log access.log; ${temporary} include example; }`);
  return startServer('/usr/sbin/nginx', ['-e', 'stderr', '-p', folder, '-c', 'nginx.conf'], {folder, ready: () => listens(port)});
}

async function startHaproxy(file, texts, port) {
  const folder = prepare(file, texts);
  writeFileSync(join(folder, 'server.pem'), ['server.crt', 'server.key'].map((name) => readFileSync(join(folder, name))).join(''));
  return startServer('/usr/sbin/haproxy', ['-db', '-f', 'example'], {folder, ready: () => listens(port)});
}

async function startCaddy(file, texts, port) {
  const folder = prepare(file, texts);
  writeFileSync(join(folder, 'Caddyfile'), `{\n\tadmin off\n\tauto_https disable_redirects\n}\nimport example\n`);
  return startServer('/usr/bin/caddy', ['run', '--config', 'Caddyfile', '--adapter', 'caddyfile'],
    {folder, env: {HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder}, ready: () => listens(port)});
}

// The modules that a2enmod enables: those of Debian's default, and what the pages say.
const modules = ['mpm_event', 'authz_core', 'reqtimeout', 'proxy', 'proxy_http', 'headers', 'remoteip', 'ssl', 'socache_shmcb'];

async function startApache(file, texts, port) {
  const folder = prepare(file, texts);
  const load = modules.map((name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`).join('\n');
  writeFileSync(join(folder, 'apache2.conf'), `ServerRoot ${folder}
ServerName localhost
Listen 127.0.0.1:${port}
PidFile apache2.pid
DefaultRuntimeDir ${folder}
ErrorLog /dev/stderr
Timeout 300
RequestReadTimeout header=20-40,minrate=500 body=10,minrate=500
${load}
Include example
`);
  return startServer('/usr/sbin/apache2', ['-d', folder, '-f', 'apache2.conf', '-DFOREGROUND'],
    {folder, ready: () => listens(port)});
}

// By their names in docs/examples: `ending` is that of their files there; start(file, texts, port) runs such a file until the end
// of the tests, with other texts in the place of some, and waits until it listens on `port`.
export const peers = {
  nginx: {ending: 'nginx.conf', start: startNginx},
  haproxy: {ending: 'haproxy.cfg', start: startHaproxy},
  caddy: {ending: 'Caddyfile', start: startCaddy},
  apache: {ending: 'apache.conf', start: startApache},
};
