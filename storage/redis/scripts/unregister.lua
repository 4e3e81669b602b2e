-- unregister(bucket, buckets; session, name) -> 1 it was there | 0 it was not
--
-- KEYS[1]  {project}:s:<name>  hash: session id -> visitor id
-- KEYS[2]  {project}:buckets   set of bucket names
-- ARGV[1]  session  16 bytes
-- ARGV[2]  name     <generation|anon>:<node>:<number>

local removed = redis.call('HDEL', KEYS[1], ARGV[1])
if redis.call('EXISTS', KEYS[1]) == 0 then
  redis.call('SREM', KEYS[2], ARGV[2])
end
return removed
