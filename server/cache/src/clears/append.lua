-- Appends a record to the clear log, folds it, returns it whole.
-- KEYS[1] log; ARGV: kind, text, most records, age in microseconds past which a record matters no longer.
local log = KEYS[1]
if redis.call('HEXISTS', log, 'epoch') == 0 or redis.call('HEXISTS', log, 'format') == 0 then
  return redis.error_reply('NOLOG the clear log is missing')
end
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local seq = redis.call('HINCRBY', log, 'head', 1)
local at = string.format('%.0f', now)
redis.call('HSET', log, 'r' .. seq, '0 ' .. at .. ' ' .. ARGV[1] .. ' ' .. ARGV[2])
redis.call('HSET', log, 'rev', seq .. '.' .. at)

local records = {}
local all = redis.call('HGETALL', log)
for i = 1, #all, 2 do
  local s = string.match(all[i], '^r(%d+)$')
  if s then
    local undone, t = string.match(all[i + 1], '^(%d) (%d+) ')
    table.insert(records, { seq = tonumber(s), undone = undone == '1', at = tonumber(t) or now })
  end
end
table.sort(records, function(a, b) return a.seq < b.seq end)

local kept = {}
for _, r in ipairs(records) do
  if r.at < now - tonumber(ARGV[4]) then
    redis.call('HDEL', log, 'r' .. r.seq)
  else
    table.insert(kept, r)
  end
end
local floor = tonumber(redis.call('HGET', log, 'floor') or '0')
while #kept > tonumber(ARGV[3]) do
  local drop = 1
  for i, r in ipairs(kept) do
    if r.undone then drop = i break end
  end
  local gone = table.remove(kept, drop)
  redis.call('HDEL', log, 'r' .. gone.seq)
  if not gone.undone and gone.seq > floor then floor = gone.seq end
end
redis.call('HSET', log, 'floor', string.format('%.0f', floor))
return redis.call('HGETALL', log)
