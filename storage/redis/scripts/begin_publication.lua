-- begin_publication(card; nonce, seconds) -> the seed that stands
--
-- KEYS[1]  {project}:card  hash; `seed` is set once and lives as long as the key does, so a
--                          publication that finds it again knows that nothing was lost meanwhile
-- ARGV[1]  nonce           text, becomes the seed if there is none
-- ARGV[2]  seconds         TTL of the key while it holds no epoch

redis.call('HSETNX', KEYS[1], 'seed', ARGV[1])
if redis.call('HEXISTS', KEYS[1], 'epoch') == 0 then
  redis.call('EXPIRE', KEYS[1], ARGV[2])
end
return redis.call('HGET', KEYS[1], 'seed')
