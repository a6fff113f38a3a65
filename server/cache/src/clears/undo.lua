-- Strikes a record of the clear log. Returns the log whole, or an empty list when it has no such record.
-- KEYS[1] log; ARGV: sequence.
local log = KEYS[1]
local field = 'r' .. ARGV[1]
local record = redis.call('HGET', log, field)
if not record or redis.call('HEXISTS', log, 'format') == 0 then return {} end
if string.sub(record, 1, 1) == '0' then
  local time = redis.call('TIME')
  redis.call('HSET', log, field, '1' .. string.sub(record, 2))
  redis.call('HSET', log, 'rev', 'u' .. ARGV[1] .. '.' .. string.format('%.0f', time[1] * 1000000 + time[2]))
end
return redis.call('HGETALL', log)
