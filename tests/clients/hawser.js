// The real binary for tests with real clients: a certificate, a configuration in front of some ports, the process, and
// its access log. The configuration is a small one that each test completes, or a file of docs/examples. HAWSER names the
// binary.
import {execFileSync, spawn} from 'node:child_process';
import {closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {createInterface} from 'node:readline';

export const binary = process.env.HAWSER ?? new URL('../../build/debug/hawser', import.meta.url).pathname;

function makeCertificate(folder) {
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '90',
    '-keyout', join(folder, 'server.key'), '-out', join(folder, 'server.crt'), '-subj', '/CN=localhost',
    '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'], {stdio: 'ignore'});
}

export const examples = new URL('../../docs/examples/', import.meta.url).pathname;

// The files that docs/examples/README.md tells its readers to make, under the names that the examples use.
export function makeExampleFiles(folder) {
  makeCertificate(folder);
  writeFileSync(join(folder, 'affinity.keys'), '0123456789abcdef0123456789abcdef\n');
}

// `route`, `cluster`, `websocket` and `process` are more YAML for those places; `routes` and `clusters` stand ahead of and behind the
// ones that are always there.
const configuration = ({ports, routes, route, cluster, clusters, keepalive, compression, websocket, process}) => `
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
    websocket: { keepalive: ${keepalive ?? '{ interval: 0s }'}, compression: ${compression ?? 'pass'}, ${websocket ?? ''} }
clusters:
  - name: backends
    endpoints: [ ${ports.map((port) => `127.0.0.1:${port}`).join(', ')} ]
    ${cluster ?? ''} ${clusters ?? ''}
${process ?? ''}
`;

// For `cluster`: the affinity cookie, named moor.
export const cookieAffinity = 'affinity: { cookie: { name: moor, keys: [ 0123456789abcdef0123456789abcdef ] } }';

// Starts the binary and collects the addresses that it announces, until the line for which ready(line) holds. `stdout` is
// a descriptor, or 'ignore'.
async function start(args, folder, ready, stdout = 'ignore') {
  const child = spawn(binary, args, {cwd: folder, stdio: ['ignore', stdout, 'pipe']});
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

// `hawser run` with this configuration in `folder`, which goes when it stops. log() gives the lines of the access log so
// far, whether it is access.log or stdout; address(NAME) where a listener is; `certificate` is the file of its own.
async function run(folder, yaml, workers) {
  writeFileSync(join(folder, 'hawser.yaml'), yaml);
  const log = openSync(join(folder, 'access.log'), 'a');
  const process = await start(['run', '-c', join(folder, 'hawser.yaml'), '--concurrency', String(workers)], folder,
    (line) => /\bready$/.test(line), log).finally(() => closeSync(log));
  return {
    certificate: join(folder, 'server.crt'),
    address: (listener) => process.find(new RegExp(`listener ${listener} on (\\S+)`)),
    log: () => readFileSync(join(folder, 'access.log'), 'utf8').split('\n').filter(Boolean).map((line) => JSON.parse(line)),
    terminate: () => process.child.kill('SIGTERM'),
    stop: async () => { await process.stop(); rmSync(folder, {recursive: true}); },
  };
}

const newFolder = () => mkdtempSync(join(tmpdir(), 'hawser-clients-'));

// In front of backends on these ports, with that many workers (1): {edge, plain} are WebSocket URLs and {https, http, h2c}
// those of others (h2c: HTTP/2 with prior knowledge). `origin` is https, as of an example.
export async function startHawser(options) {
  const folder = newFolder();
  makeCertificate(folder);
  const hawser = await run(folder, configuration(options), options.workers ?? 1);
  const [edge, plain, prior] = ['edge', 'plain', 'prior'].map(hawser.address);
  const https = `https://${edge}`;
  return {...hawser, edge: `wss://${edge}`, plain: `ws://${plain}`, origin: https, https, http: `http://${plain}`, h2c: `http://${prior}`};
}

// docs/examples/NAME.yaml as it stands, but for its addresses: `ports` says where each backend of it really is, as in
// {'127.0.0.1:3001': 41233}, and all that listens (on 0.0.0.0, and the admin page) gets free ports of loopback. `edits` are
// more changes, [text, replacement], for what a test cannot wait for. Each text must stand in the file.
export async function startExample(name, ports, {workers = 2, edits = []} = {}) {
  const folder = newFolder();
  makeExampleFiles(folder);
  let yaml = readFileSync(join(examples, `${name}.yaml`), 'utf8');
  for (const [text, replacement] of edits) {
    if (!yaml.includes(text)) throw new Error(`${name}.yaml has no ${text}`);
    yaml = yaml.replaceAll(text, replacement);
  }
  const known = {'0.0.0.0:8080': 0, '0.0.0.0:8443': 0, '127.0.0.1:9901': 0, ...ports};
  const missing = Object.keys(ports).filter((address) => !yaml.includes(address));
  if (missing.length > 0) throw new Error(`${name}.yaml has no ${missing}`);
  yaml = yaml.replace(/\b\d+\.\d+\.\d+\.\d+:[1-9]\d*/g, (address) => {
    if (!(address in known)) throw new Error(`${name}.yaml: where is ${address}?`);
    return `127.0.0.1:${known[address]}`;
  });
  const hawser = await run(folder, yaml, workers);
  const edge = hawser.address('edge');
  const tls = yaml.includes('tls: { certificates:');
  return {...hawser, edge: `${tls ? 'wss' : 'ws'}://${edge}`, origin: `${tls ? 'https' : 'http'}://${edge}`};
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
