-- raise_persons(card, persons; nonce, seconds, visitor, value...) -> 1 there is a card | 0 there is none
--
-- An epoch is merged by maximum. Whoever compares persons sees by `persons` of the card, which every
-- change replaces, that there is something new. A card is there if it has an epoch.
--
-- KEYS[1]  {project}:card     hash: persons, text; its TTL is not touched
-- KEYS[2]  {project}:persons  hash: visitor id (16 bytes) -> <epoch>:<reason>
-- ARGV[1]  nonce    text, never used before
-- ARGV[2]  seconds  TTL of the persons
-- ARGV[3]  visitor  16 bytes
-- ARGV[4]  value    <epoch>:<reason>
-- and so on in pairs

local changed = false
for i = 3, #ARGV, 2 do
  local stored = redis.call('HGET', KEYS[2], ARGV[i])
  local asked = tonumber(string.match(ARGV[i + 1], '^%d+'))
  if not stored or asked > tonumber(string.match(stored, '^%d+')) then
    redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 1])
    changed = true
  end
end
redis.call('EXPIRE', KEYS[2], ARGV[2])
if redis.call('EXISTS', KEYS[1]) == 0 then
  return 0
end
if changed or redis.call('HEXISTS', KEYS[1], 'persons') == 0 then
  redis.call('HSET', KEYS[1], 'persons', ARGV[1])
end
return redis.call('HEXISTS', KEYS[1], 'epoch')
