-- Claims a namespace for an installation. The claim is part of the clear log, and ends when nobody has renewed it for a while.
-- Beside it stands which installation has its values from an origin: for who is there and cannot tell which it is.
-- KEYS[1] log; ARGV: owner, life of a claim in seconds, field of the origin or '', life of what it says in seconds.
-- Returns 0 without a log, 1 when claimed or renewed, 2 while another's claim holds.
local log, owner, field = KEYS[1], ARGV[1], ARGV[3]
local fields = redis.call('HMGET', log, 'epoch', 'owner', 'owner_at', field, 'format')
if not (fields[1] and fields[5]) then return 0 end
local now = tonumber(redis.call('TIME')[1])
if field ~= '' then
  local at, since = string.match(fields[4] or '', '^(.+) (%d+)$')
  local is_young = at and now - tonumber(since) < tonumber(ARGV[4])
  if at == owner or not is_young then
    redis.call('HSET', log, field, owner .. ' ' .. now)
  elseif at ~= '?' then
    -- Two installations, each with a database at the same address as it sees it, such as localhost.
    redis.call('HSET', log, field, '? ' .. now)
  end
end
if fields[2] and fields[2] ~= owner and now - (tonumber(fields[3] or '') or 0) < tonumber(ARGV[2]) then return 2 end
redis.call('HSET', log, 'owner', owner, 'owner_at', now)
return 1
