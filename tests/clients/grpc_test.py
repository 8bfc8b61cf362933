"""Debian's python3-grpcio (gRPC's C core, which requires `te: trailers` of its peers) through hawser: over TLS
and with prior knowledge, to a server of HTTP/2. Handlers take and give bytes, so that no protoc is needed. HAWSER names the
binary."""
import concurrent.futures, os, pathlib, queue, re, shutil, subprocess, tempfile, threading, unittest

import grpc

BINARY = os.environ.get('HAWSER') or pathlib.Path(__file__).parents[2] / 'build/debug/hawser'
CONFIG = '''
access_log: { path: access.log }
listeners:
  - { name: edge, address: 127.0.0.1:0, tls: { certificates: [ { certificate: server.crt, private_key: server.key } ] } }
  - { name: plain, address: 127.0.0.1:0, http2: { prior_knowledge: true } }
routes: [ { match: { path_prefix: /test.Echo/ }, cluster: grpc } ]
clusters: [ { name: grpc, protocol: h2, endpoints: [ 127.0.0.1:PORT ] } ]
'''


class Echo(grpc.GenericRpcHandler):
    """The service. `waiting` gets each call of Wait that has begun, `left` whether it ended before its handler."""
    def __init__(self):
        self.waiting, self.left = queue.Queue(), queue.Queue()

    def service(self, details):
        name = details.method.rpartition('/')[2]
        return {
            'Unary': grpc.unary_unary_rpc_method_handler(self.unary),
            'Collect': grpc.stream_unary_rpc_method_handler(lambda messages, context: b''.join(messages)),
            'Count': grpc.unary_stream_rpc_method_handler(lambda last, context: (b'%d' % i for i in range(int(last)))),
            'Chat': grpc.stream_stream_rpc_method_handler(lambda messages, context: (b're: ' + text for text in messages)),
            'Wait': grpc.unary_unary_rpc_method_handler(self.wait),
            'Refuse': grpc.unary_unary_rpc_method_handler(self.refuse),
        }.get(name)

    def unary(self, message, context):
        sent = dict(context.invocation_metadata())
        context.send_initial_metadata((('x-first', sent.get('x-sent', '')),))
        context.set_trailing_metadata((('x-last-bin', b'\0\xff'),))
        return message

    def wait(self, message, context):
        ended = threading.Event()
        if not context.add_callback(ended.set):
            ended.set()
        self.waiting.put(None)
        ended.wait(30)
        self.left.put(ended.is_set())
        return b'too late'

    def refuse(self, message, context):
        context.set_trailing_metadata((('x-why', 'because'),))
        context.abort(grpc.StatusCode.NOT_FOUND, 'there is none')


def setUpModule():
    global folder, server, echo, hawser, edge, plain
    folder = pathlib.Path(tempfile.mkdtemp(prefix='hawser-grpc-'))
    subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '1',
                    '-keyout', folder / 'server.key', '-out', folder / 'server.crt', '-subj', '/CN=localhost',
                    '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'], check=True, stderr=subprocess.DEVNULL)
    echo = Echo()
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(8), [echo])
    port = server.add_insecure_port('127.0.0.1:0')
    server.start()
    (folder / 'hawser.yaml').write_text(CONFIG.replace('PORT', str(port)))
    hawser = subprocess.Popen([BINARY, 'run', '-c', folder / 'hawser.yaml', '--concurrency', '1'], cwd=folder,
                              stderr=subprocess.PIPE, text=True)
    said = ''
    for line in hawser.stderr:
        said += line
        if line.rstrip().endswith('ready'):
            break
    else:
        raise RuntimeError('hawser did not start: ' + said)
    edge, plain = (re.search(rf'listener {name} on (\S+)', said)[1] for name in ('edge', 'plain'))
    threading.Thread(target=hawser.stderr.read, daemon=True).start()


def tearDownModule():
    server.stop(0)
    hawser.kill()
    hawser.wait()
    shutil.rmtree(folder)


class Calls:
    """Each of these runs over each kind of channel."""
    def setUp(self):
        self.channel = self.open()
        self.addCleanup(self.channel.close)

    def call(self, kind, name):
        return getattr(self.channel, kind)(f'/test.Echo/{name}')

    def assert_works(self):
        self.assertEqual(self.call('unary_unary', 'Unary')(b'still there', timeout=20), b'still there')

    def test_a_unary_call_carries_its_metadata_both_ways(self):
        response, call = self.call('unary_unary', 'Unary').with_call(b'hello', timeout=20, metadata=(('x-sent', 'yes'),))
        self.assertEqual(response, b'hello')
        self.assertEqual(call.code(), grpc.StatusCode.OK)
        self.assertIn(('x-first', 'yes'), call.initial_metadata())
        self.assertIn(('x-last-bin', b'\0\xff'), call.trailing_metadata())

    def test_messages_of_any_size_pass(self):
        for size in (0, 1, 100_000, 3_000_000):
            message = os.urandom(size)
            self.assertEqual(self.call('unary_unary', 'Unary')(message, timeout=20), message)

    def test_many_calls_at_once(self):
        calls = [self.call('unary_unary', 'Unary').future(b'%d' % i, timeout=20) for i in range(200)]
        self.assertEqual([call.result() for call in calls], [b'%d' % i for i in range(200)])

    def test_a_client_streams(self):
        self.assertEqual(self.call('stream_unary', 'Collect')((b'x' * 1000 for _ in range(500)), timeout=20), b'x' * 500_000)

    def test_a_server_streams(self):
        self.assertEqual(list(self.call('unary_stream', 'Count')(b'500', timeout=20)), [b'%d' % i for i in range(500)])

    def test_both_stream_and_each_message_comes_at_once(self):
        messages = queue.Queue()
        answers = self.call('stream_stream', 'Chat')(iter(messages.get, None), timeout=20)
        for i in range(50):
            messages.put(b'%d' % i)
            self.assertEqual(next(answers), b're: %d' % i)
        messages.put(None)
        self.assertEqual(list(answers), [])
        self.assertEqual(answers.code(), grpc.StatusCode.OK)

    def test_a_cancel_reaches_the_server(self):
        call = self.call('unary_unary', 'Wait').future(b'')
        echo.waiting.get(timeout=20)
        call.cancel()
        self.assertTrue(echo.left.get(timeout=20))
        self.assertEqual(call.code(), grpc.StatusCode.CANCELLED)
        self.assert_works()

    def test_a_deadline_ends_the_call_on_both_sides(self):
        call = self.call('unary_unary', 'Wait').future(b'', timeout=1)
        echo.waiting.get(timeout=20)
        self.assertEqual(call.code(), grpc.StatusCode.DEADLINE_EXCEEDED)
        self.assertTrue(echo.left.get(timeout=20))
        self.assert_works()

    def test_an_error_that_is_trailers_alone(self):
        with self.assertRaises(grpc.RpcError) as raised:
            self.call('unary_unary', 'Refuse')(b'', timeout=20)
        self.assertEqual(raised.exception.code(), grpc.StatusCode.NOT_FOUND)
        self.assertEqual(raised.exception.details(), 'there is none')
        self.assertIn(('x-why', 'because'), raised.exception.trailing_metadata())
        with self.assertRaises(grpc.RpcError) as raised:
            self.call('unary_unary', 'NoSuchMethod')(b'', timeout=20)
        self.assertEqual(raised.exception.code(), grpc.StatusCode.UNIMPLEMENTED)
        self.assert_works()

    def test_an_answer_of_hawsers_own_is_an_error(self):
        with self.assertRaises(grpc.RpcError) as raised:
            self.channel.unary_unary('/no.Route/Leads')(b'', timeout=20)
        self.assertEqual(raised.exception.code(), grpc.StatusCode.UNIMPLEMENTED)  # what gRPC makes of a 404
        self.assert_works()


class OverTls(Calls, unittest.TestCase):
    def open(self):
        return grpc.secure_channel(edge, grpc.ssl_channel_credentials((folder / 'server.crt').read_bytes()))


class WithPriorKnowledge(Calls, unittest.TestCase):
    def open(self):
        return grpc.insecure_channel(plain)


if __name__ == '__main__':
    unittest.main(verbosity=2)
