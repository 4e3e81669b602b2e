-- bind(card, to, buckets, persons[, from][, ended];
--      session, visitor, to name, from name, generation, device, seconds, person epoch)
--   -> {1[, epoch]} bound | {0} there is no card | {2, epoch} the generation is behind the epoch
--    | {3, epoch, <person epoch>:<reason>} the person's sessions were ended since
--
-- Moves a session into the bucket of the generation that vouches for it now, or of none. A device
-- that ended in SQL is noted here whatever becomes of the session.
--
-- KEYS[1]  {project}:card                    hash
-- KEYS[2]  {project}:s:<to name>             hash: session id -> visitor id
-- KEYS[3]  {project}:buckets                 set of bucket names
-- KEYS[4]  {project}:persons                 hash: visitor id -> <epoch>:<reason>
-- KEYS[5]  {project}:s:<from name>           hash, if there is a from name
-- last     {project}:ended:<period>:<shard>  set of integers, if there is a device
-- ARGV[1]  session     16 bytes
-- ARGV[2]  visitor     16 bytes
-- ARGV[3]  to name     <generation|anon>:<node>:<number>
-- ARGV[4]  from name   likewise, or empty: the session was in no bucket, or stays in its own
-- ARGV[5]  generation  integer, or empty: anonymous, which no epoch ends
-- ARGV[6]  device      signed 64-bit integer, or empty
-- ARGV[7]  seconds     TTL of the set of ended devices
-- ARGV[8]  person      integer, the person's epoch that the session carries; not read if anonymous

if ARGV[6] ~= '' then
  redis.call('SADD', KEYS[#KEYS], ARGV[6])
  redis.call('EXPIRE', KEYS[#KEYS], ARGV[7])
end
local epoch
if ARGV[5] ~= '' then
  epoch = tonumber(redis.call('HGET', KEYS[1], 'epoch') or nil)
  if not epoch then
    return {0}
  end
  if tonumber(ARGV[5]) < epoch then
    return {2, epoch}
  end
  local person = redis.call('HGET', KEYS[4], ARGV[2])
  if person and tonumber(ARGV[8]) < tonumber(string.match(person, '^%d+')) then
    return {3, epoch, person}
  end
end
redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])
redis.call('SADD', KEYS[3], ARGV[3])
if ARGV[4] ~= '' then
  redis.call('HDEL', KEYS[5], ARGV[1])
  if redis.call('EXISTS', KEYS[5]) == 0 then
    redis.call('SREM', KEYS[3], ARGV[4])
  end
end
return {1, epoch}
