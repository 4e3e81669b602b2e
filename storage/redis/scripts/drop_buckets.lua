-- drop_buckets(buckets, bucket...[, receipt]; seconds, name...) -> how many sessions were dropped
--
-- One bounded step: the caller names the buckets. What is counted is gone in the same step, so a
-- second run counts only what the first one left.
--
-- KEYS[1]   {project}:buckets             set of bucket names
-- KEYS[2..] {project}:s:<name>            hashes, one for each name
-- last      {project}:receipt:<rotation>  hash: `targeted` grows by the answer; there or not
-- ARGV[1]   seconds  TTL of the receipt
-- ARGV[2..] names    <generation|anon>:<node>:<number>

local dropped = 0
for i = 2, #ARGV do
  dropped = dropped + redis.call('HLEN', KEYS[i])
end
redis.call('UNLINK', unpack(KEYS, 2, #ARGV))
redis.call('SREM', KEYS[1], unpack(ARGV, 2))
if #KEYS > #ARGV then
  redis.call('HINCRBY', KEYS[#KEYS], 'targeted', dropped)
  redis.call('EXPIRE', KEYS[#KEYS], ARGV[1])
end
return dropped
