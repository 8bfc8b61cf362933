// The real binary for tests with real clients: a certificate, a configuration in front of some ports, the process, and
// its access log. HAWSER names the binary.
import {execFileSync, spawn} from 'node:child_process';
import {mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {createInterface} from 'node:readline';

const binary = process.env.HAWSER ?? new URL('../../build/debug/hawser', import.meta.url).pathname;

function makeCertificate(folder) {
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '1',
    '-keyout', join(folder, 'server.key'), '-out', join(folder, 'server.crt'), '-subj', '/CN=localhost',
    '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'], {stdio: 'ignore'});
}

// `route`, `cluster` and `process` are more lines of YAML for those places; `routes` and `clusters` stand ahead of and behind the
// ones that are always there.
const configuration = ({ports, routes, route, cluster, clusters, keepalive, compression, process}) => `
access_log: { path: access.log, format: json }
drain: { window: 0s, deadline: 5s }
listeners:
  - name: edge
    address: 127.0.0.1:0
    tls: { certificates: [ { certificate: server.crt, private_key: server.key } ] }
  - name: plain
    address: 127.0.0.1:0
  - name: prior
    address: 127.0.0.1:0
    http2: { prior_knowledge: true }
routes: ${routes ?? ''}
  - match: { path_prefix: / }
    cluster: backends
    ${route ?? ''}
    websocket: { keepalive: ${keepalive ?? '{ interval: 0s }'}, compression: ${compression ?? 'pass'} }
clusters:
  - name: backends
    endpoints: [ ${ports.map((port) => `127.0.0.1:${port}`).join(', ')} ]
    ${cluster ?? ''} ${clusters ?? ''}
${process ?? ''}
`;

// For `cluster`: the affinity cookie, named moor.
export const cookieAffinity = 'affinity: { cookie: { name: moor, keys: [ 0123456789abcdef0123456789abcdef ] } }';

// Starts the binary and collects the addresses that it announces, until the line for which ready(line) holds.
async function start(args, folder, ready) {
  const child = spawn(binary, args, {cwd: folder, stdio: ['ignore', 'ignore', 'pipe']});
  const lines = [];
  const announced = new Promise((resolve, reject) => {
    createInterface({input: child.stderr}).on('line', (line) => {
      lines.push(line);
      if (ready(line)) resolve();
    });
    child.on('error', reject);
    child.on('exit', (code) => reject(new Error(`hawser ended with ${code}:\n${lines.join('\n')}`)));
  });
  await announced;
  const find = (pattern) => lines.map((line) => line.match(pattern)?.[1]).find(Boolean);
  const stop = async () => {
    child.kill('SIGKILL');
    if (child.exitCode === null && child.signalCode === null) await new Promise((resolve) => child.on('exit', resolve));
  };
  return {child, find, stop};
}

// In front of backends on these ports, with that many workers (1): {edge, plain} are WebSocket URLs and {https, http, h2c}
// those of others (h2c: HTTP/2 with prior knowledge), log() the lines of the access log so far.
export async function startHawser(options) {
  const folder = mkdtempSync(join(tmpdir(), 'hawser-clients-'));
  makeCertificate(folder);
  writeFileSync(join(folder, 'hawser.yaml'), configuration(options));
  const process = await start(['run', '-c', join(folder, 'hawser.yaml'), '--concurrency', String(options.workers ?? 1)], folder,
    (line) => /\bready$/.test(line));
  return {
    edge: `wss://${process.find(/listener edge on (\S+)/)}`,
    plain: `ws://${process.find(/listener plain on (\S+)/)}`,
    https: `https://${process.find(/listener edge on (\S+)/)}`,
    http: `http://${process.find(/listener plain on (\S+)/)}`,
    h2c: `http://${process.find(/listener prior on (\S+)/)}`,
    log: () => readFileSync(join(folder, 'access.log'), 'utf8').split('\n').filter(Boolean).map((line) => JSON.parse(line)),
    terminate: () => process.child.kill('SIGTERM'),
    stop: async () => { await process.stop(); rmSync(folder, {recursive: true}); },
  };
}

// `hawser demo`; `url` is its page.
export async function startDemo() {
  const process = await start(['demo', '--port', '0'], tmpdir(), (line) => /\bready$/.test(line));
  return {url: process.find(/demo on (https:\S+)/), stop: process.stop};
}

// Until condition() gives something, which is returned; for what no event announces.
export async function eventually(condition, milliseconds = 30_000) {
  for (const end = Date.now() + milliseconds; ; await new Promise((resolve) => setTimeout(resolve, 10))) {
    const found = await condition();
    if (found) return found;
    if (Date.now() > end) throw new Error(`did not come to pass: ${condition}`);
  }
}
