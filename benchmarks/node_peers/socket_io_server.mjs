// The Socket.IO peer: `node socket_io_server.mjs PORT REDIS_PORT`, one node of a cluster that talks
// through the Redis adapter. It welcomes whoever says hello; a line on standard input of any node
// disconnects every socket of every node.
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import { createAdapter } from '@socket.io/redis-adapter';
import { Redis } from 'ioredis';
import { Server } from 'socket.io';

const ROOM = 'project';
const [port, redisPort] = process.argv.slice(2).map(Number);
const publisher = new Redis(redisPort);
const http = createServer();
const io = new Server(http, {
  adapter: createAdapter(publisher, publisher.duplicate()),
  transports: ['websocket'],
  serveClient: false,
  pingInterval: 120_000, // no heartbeat falls into a run
});
io.on('connection', (socket) => {
  socket.join(ROOM);
  socket.on('hello', () => socket.emit('welcome', {}));
});
createInterface({ input: process.stdin }).on('line', () => {
  io.in(ROOM).disconnectSockets(true);
});
http.listen({ host: '127.0.0.1', port, backlog: 4096 }, () => console.log('ready'));
