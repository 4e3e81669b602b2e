// The BullMQ peer: `node bullmq.mjs work CONCURRENCY CONNECTIONS` verifies, one job for each
// request; `node bullmq.mjs feed` makes each line of standard input, a JSON list, one job.
import { createInterface } from 'node:readline';
import { Queue, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { openVerifier } from './verification.mjs';

const QUEUE = 'naive';
const [role, concurrency, connections] = process.argv.slice(2);
const connection = new Redis(process.env.WIDGET_AUTH_REDIS_URL, { maxRetriesPerRequest: null });

if (role === 'work') {
  const verify = openVerifier(process.env, Number(connections));
  const options = { connection, concurrency: Number(concurrency) };
  const worker = new Worker(QUEUE, ({ data }) => verify(data), options);
  worker.on('failed', (_job, error) => console.error(error));
  await worker.waitUntilReady();
} else {
  const defaultJobOptions = { removeOnComplete: true, removeOnFail: true };
  const queue = new Queue(QUEUE, { connection, defaultJobOptions });
  await queue.waitUntilReady();
  const lines = createInterface({ input: process.stdin });
  lines.on('line', (line) => queue.add('verify', JSON.parse(line)));
}
console.log('ready');
