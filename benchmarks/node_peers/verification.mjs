// What each job of the BullMQ peer does: the checks and the statements of naive_peer/verification.py.
import {
  createDecipheriv, createHash, createHmac, createSecretKey, randomBytes, timingSafeEqual,
} from 'node:crypto';
import { Redis } from 'ioredis';
import jsonwebtoken from 'jsonwebtoken';
import pg from 'pg';

const RESULTS = 'naive:results';
const LONGEST_LIFETIME_SECONDS = 600;
const LEEWAY_SECONDS = 120;
const MAC_BYTES = 16;
const BODY_BYTES = 22; // 6 of Unix milliseconds, 16 random
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const CONTROL_CHARACTERS = /[\p{Cc}\p{Zl}\p{Zp}\ufffd]/u;

// The ORM's (its updates leave out what stays as it was). Under its name PostgreSQL keeps each
// prepared, as it does for psycopg.
const STATEMENTS = {
  secret: `SELECT key_id, project_id, generation, state, sealed, last_four, created_at, created_by,
      revoked_at, last_verified_at, last_refused_at
    FROM signing_secrets WHERE project_id = $1 AND state = $2`,
  visitor: `SELECT id, project_id, custom_id, name, email, attributes, declared, authenticated_at,
      authenticated_by, person_epoch, not_before, merged_into, created_at, epoch_raised_at,
      last_message_id
    FROM visitors WHERE project_id = $1 AND custom_id = $2`,
  addVisitor: `INSERT INTO visitors (id, project_id, custom_id, name, email, authenticated_at,
      authenticated_by, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $6)`,
  markVisitor: `UPDATE visitors SET name = $1, email = $2, authenticated_at = $3,
      authenticated_by = $4 WHERE id = $5`,
  device: 'SELECT id, project_id, visitor_id, created_at, ended_at FROM devices WHERE id = $1',
  endDevice: 'UPDATE devices SET ended_at = $1 WHERE id = $2',
  addDevice: `INSERT INTO devices (id, project_id, visitor_id, created_at, ended_at)
    VALUES ($1, $2, $3, $4, $5)`,
};

/** Returns a function that verifies one request, and has opened what it needs. */
export function openVerifier(environment, connections) {
  const pool = new pg.Pool({
    connectionString: environment.WIDGET_AUTH_DATABASE_URL.replace('+psycopg', ''),
    max: connections,
  });
  const redis = new Redis(environment.WIDGET_AUTH_REDIS_URL);
  const keys = {
    sealing: Buffer.from(environment.WIDGET_AUTH_SEALING_KEYS, 'base64url'),
    device: Buffer.from(environment.WIDGET_AUTH_DEVICE_KEYS, 'base64url'),
  };

  return async ([requestId, projectId, deviceId, token]) => {
    const db = await pool.connect();
    try {
      await db.query('BEGIN');
      const result = await verify(db, keys, projectId, deviceId, token);
      await db.query('COMMIT');
      await redis.publish(RESULTS, JSON.stringify({ request_id: requestId, ...result }));
    } catch (error) {
      await db.query('ROLLBACK');
      throw error;
    } finally {
      db.release();
    }
  };
}

async function verify(db, keys, projectId, deviceId, token) {
  const [secret] = await run(db, 'secret', projectId, 'active');
  const claims = check(token, unseal(keys.sealing, secret));
  const customId = normalise(claims.external_id);
  requireCertified(keys.device, projectId, deviceId);
  const now = new Date();
  let [visitor] = await run(db, 'visitor', projectId, customId);
  if (visitor) {
    await run(db, 'markVisitor', claims.name, claims.email, now, secret.key_id, visitor.id);
  } else {
    visitor = { id: anonymousVisitor(deviceId) };
    await run(db, 'addVisitor', visitor.id, projectId, customId, claims.name, claims.email, now,
      secret.key_id);
  }
  const newDevice = issueDevice(keys.device, projectId, now);
  const [oldDevice] = await run(db, 'device', deviceId);
  if (oldDevice) await run(db, 'endDevice', now, deviceId);
  else await run(db, 'addDevice', deviceId, projectId, visitor.id, now, now);
  await run(db, 'addDevice', newDevice, projectId, visitor.id, now, null);
  return { visitor: visitor.id, device: newDevice };
}

async function run(db, name, ...values) {
  return (await db.query({ name, text: STATEMENTS[name], values })).rows;
}

function check(token, secret) {
  const claims = jsonwebtoken.verify(token, secret, {
    algorithms: ['HS256', 'HS384', 'HS512'], clockTolerance: LEEWAY_SECONDS,
  });
  if (!(claims.exp - claims.iat <= LONGEST_LIFETIME_SECONDS)) {
    throw new Error('the token lives too long, or for ever');
  }
  return claims;
}

function unseal(key, secret) {
  const raw = Buffer.from(secret.sealed.split('.')[2], 'base64url');
  const cipher = createDecipheriv('aes-256-gcm', key, raw.subarray(0, NONCE_BYTES));
  cipher.setAAD(join('widget-auth signing secret v1', secret.project_id, secret.key_id));
  cipher.setAuthTag(raw.subarray(-TAG_BYTES));
  const opened = cipher.update(raw.subarray(NONCE_BYTES, -TAG_BYTES));
  return createSecretKey(Buffer.concat([opened, cipher.final()])); // text would be far slower
}

function normalise(customId) {
  const text = String(customId).normalize('NFC');
  if (!text.trim() || text.length > 255 || CONTROL_CHARACTERS.test(text)) {
    throw new Error('the custom ID identifies nobody');
  }
  return text;
}

function requireCertified(key, projectId, deviceId) {
  const raw = Buffer.from(deviceId, 'base64url');
  const body = raw.subarray(0, BODY_BYTES);
  if (!timingSafeEqual(raw.subarray(BODY_BYTES), macOf(key, projectId, body))) {
    throw new Error('a device of somebody else');
  }
}

function issueDevice(key, projectId, now) {
  const body = randomBytes(BODY_BYTES);
  body.writeUIntBE(now.getTime(), 0, 6);
  return Buffer.concat([body, macOf(key, projectId, body)]).toString('base64url');
}

function anonymousVisitor(deviceId) {
  const raw = Buffer.from(deviceId, 'base64url');
  const hash = createHash('sha256').update('widget-auth anonymous visitor v1');
  const random = hash.update(raw.subarray(6, BODY_BYTES)).digest();
  const head = 0x7000 | (random.readUInt16BE(0) >> 4);
  const id = Buffer.concat([
    raw.subarray(0, 6), Buffer.from([head >> 8, head & 0xff, 0x80 | (random[2] & 0x3f)]),
    random.subarray(3, 10),
  ]);
  return id.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

function macOf(key, projectId, body) {
  const message = join('widget-auth device id v1', projectId, body);
  return createHmac('sha256', key).update(message).digest().subarray(0, MAC_BYTES);
}

function join(...parts) {
  return Buffer.concat(parts.map((part) => Buffer.from(part)).flatMap((part) => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(part.length);
    return [length, part];
  }));
}
