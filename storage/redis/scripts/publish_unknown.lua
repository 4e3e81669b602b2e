-- publish_unknown(card; seed, seconds) -> 1 published | 0 the seed is gone, or there is a card
--
-- KEYS[1]  {project}:card  hash: seed, unknown = 1
-- ARGV[1]  seed            what begin_publication answered before SQL was read
-- ARGV[2]  seconds         TTL of the key

if redis.call('HGET', KEYS[1], 'seed') ~= ARGV[1] then
  return 0
end
if redis.call('HEXISTS', KEYS[1], 'epoch') == 1 then
  return 0
end
redis.call('HSET', KEYS[1], 'unknown', '1')
redis.call('EXPIRE', KEYS[1], ARGV[2])
return 1
