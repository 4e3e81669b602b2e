-- renew_lease(lease; beat, milliseconds) -> 1 the lease stood until now | 0 it had ended
--
-- The value keeps what this very renewal found, so that sending it again, for want of an answer,
-- does not turn a lease that had ended into one that stood.
--
-- KEYS[1]  {node}:lease  string: <beat>:<what it found>
-- ARGV[1]  beat          text without a colon, new once a renewal was answered
-- ARGV[2]  milliseconds  TTL

local stored = redis.call('GET', KEYS[1])
local held = stored and '1' or '0'
if stored and string.sub(stored, 1, #ARGV[1] + 1) == ARGV[1] .. ':' then
  held = string.sub(stored, -1)
end
redis.call('SET', KEYS[1], ARGV[1] .. ':' .. held, 'PX', ARGV[2])
return tonumber(held)
