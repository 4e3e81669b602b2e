-- answer_receipt(receipt, bell; field, closed, receipt seconds, bell seconds, node)
--   -> how many closes the answer stands for
--
-- An answer only grows: sent twice, or overtaken by a later one, it counts once and in full.
--
-- KEYS[1]  {project}:receipt:<rotation>  hash: closed:<node>:<answer> = number of sockets
-- KEYS[2]  {project}:bell:<rotation>     list, one element for every answer
-- ARGV[1]  field            closed:<node>:<answer>
-- ARGV[2]  closed           integer, merged by maximum
-- ARGV[3]  receipt seconds  TTL of the receipt
-- ARGV[4]  bell seconds     TTL of the bell
-- ARGV[5]  node             its id

local stored = tonumber(redis.call('HGET', KEYS[1], ARGV[1]) or nil)
local closed = tonumber(ARGV[2])
if not stored or closed > stored then
  redis.call('HSET', KEYS[1], ARGV[1], closed)
else
  closed = stored
end
redis.call('EXPIRE', KEYS[1], ARGV[3])
redis.call('RPUSH', KEYS[2], ARGV[5])
redis.call('EXPIRE', KEYS[2], ARGV[4])
return closed
