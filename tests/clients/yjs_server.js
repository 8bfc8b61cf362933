// One y-websocket server in its own process, because its documents are in the memory of the process. Sends its port to its
// parent.
import {createServer} from 'node:http';

import {WebSocketServer} from 'ws';
import {setupWSConnection} from 'y-websocket/bin/utils';

const http = createServer();
new WebSocketServer({server: http}).on('connection', (socket, request) => setupWSConnection(socket, request));
http.listen(0, '127.0.0.1', () => process.send(http.address().port));
process.on('disconnect', () => process.exit());
