-- register(card, bucket, buckets[, ended, before, after]; session, visitor, name[, device])
--   -> 1 registered | 0 there is no card | 2 the device has ended, nothing was written
--
-- KEYS[1]  {project}:card                    hash
-- KEYS[2]  {project}:s:<name>                hash: session id -> visitor id
-- KEYS[3]  {project}:buckets                 set of bucket names
-- KEYS[4]  {project}:ended:<period>:<shard>  set of integers, this period
-- KEYS[5]  the same, the period before
-- KEYS[6]  the same, the period after, which somebody's clock is in already
-- ARGV[1]  session  16 bytes
-- ARGV[2]  visitor  16 bytes
-- ARGV[3]  name     <generation|anon>:<node>:<number>
-- ARGV[4]  device   signed 64-bit integer, with KEYS[4] to KEYS[6] or not at all

if redis.call('HEXISTS', KEYS[1], 'epoch') == 0 then
  return 0
end
for shard = 4, #KEYS do
  if redis.call('SISMEMBER', KEYS[shard], ARGV[4]) == 1 then
    return 2
  end
end
redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])
redis.call('SADD', KEYS[3], ARGV[3])
return 1
