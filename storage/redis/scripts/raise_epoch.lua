-- raise_epoch(card; epoch) -> the epoch that stands | nil, there is no card
--
-- KEYS[1]  {project}:card  hash; only a publication may make it
-- ARGV[1]  epoch           integer, merged by maximum

local stored = tonumber(redis.call('HGET', KEYS[1], 'epoch') or nil)
if not stored then
  return nil
end
local asked = tonumber(ARGV[1])
if asked > stored then
  redis.call('HSET', KEYS[1], 'epoch', ARGV[1])
  return asked
end
return stored
