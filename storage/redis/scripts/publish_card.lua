-- publish_card(card; seed, epoch, revision, rest) -> 1 published | 0 the seed is gone, read SQL again
--
-- KEYS[1]  {project}:card  hash: seed, epoch, revision, card; no TTL from here on
-- ARGV[1]  seed            what begin_publication answered before SQL was read
-- ARGV[2]  epoch           integer, merged by maximum
-- ARGV[3]  revision        integer; an older one leaves the stored rest alone
-- ARGV[4]  rest            JSON

if redis.call('HGET', KEYS[1], 'seed') ~= ARGV[1] then
  return 0
end
local stored = redis.call('HMGET', KEYS[1], 'epoch', 'revision')
if not stored[1] or tonumber(ARGV[2]) > tonumber(stored[1]) then
  redis.call('HSET', KEYS[1], 'epoch', ARGV[2])
end
if not stored[2] or tonumber(ARGV[3]) >= tonumber(stored[2]) then
  redis.call('HSET', KEYS[1], 'revision', ARGV[3], 'card', ARGV[4])
end
redis.call('HDEL', KEYS[1], 'unknown')
redis.call('PERSIST', KEYS[1])
return 1
