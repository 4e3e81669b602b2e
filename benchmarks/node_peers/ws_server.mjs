// The plain peer of sockets: `node ws_server.mjs PORT`. It welcomes whoever says something, keeps
// nothing, and closes every socket at a line on standard input.
import { createInterface } from 'node:readline';
import { WebSocketServer } from 'ws';

const WELCOME = JSON.stringify({ type: 'welcome' });
const REASON = JSON.stringify({ code: 'secret_revoked', retry_after_ms: 1000 });

const server = new WebSocketServer({
  host: '127.0.0.1', port: Number(process.argv[2]), backlog: 4096, perMessageDeflate: false,
});
server.on('connection', (socket) => {
  socket.on('error', () => {});
  socket.on('message', () => socket.send(WELCOME));
});
server.on('listening', () => console.log('ready'));
createInterface({ input: process.stdin }).on('line', () => {
  for (const socket of server.clients) socket.close(4401, REASON);
});
