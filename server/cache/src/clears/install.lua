-- Puts a clear log in place if the one there is of the epoch ARGV[1] ('' for none), returns what then is there. What is no
-- clear log is left alone.
-- KEYS[1] log; ARGV: expected epoch, then fields and values.
local log = KEYS[1]
local epoch = redis.call('HGET', log, 'epoch')
if redis.call('EXISTS', log) == 1 and not (epoch and redis.call('HEXISTS', log, 'format') == 1) then
  return redis.error_reply('FOREIGN the key holds something else')
end
if (epoch or '') == ARGV[1] then
  redis.call('DEL', log)
  for i = 2, #ARGV, 2 do
    redis.call('HSET', log, ARGV[i], ARGV[i + 1])
  end
end
return redis.call('HGETALL', log)
