-- Puts a clear log in place if the one there is of the epoch ARGV[1] ('' for none), returns what then is there.
-- KEYS[1] log; ARGV: expected epoch, then fields and values.
local log = KEYS[1]
local epoch = redis.call('HGET', log, 'epoch') or ''
if epoch == ARGV[1] then
  redis.call('DEL', log)
  for i = 2, #ARGV, 2 do
    redis.call('HSET', log, ARGV[i], ARGV[i + 1])
  end
end
return redis.call('HGETALL', log)
