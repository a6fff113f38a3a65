-- Claims a namespace for an installation. The claim is part of the clear log, and ends when nobody has renewed it for a while.
-- KEYS[1] log; ARGV: owner, life of a claim in seconds.
-- Returns 0 without a log, 1 when claimed or renewed, 2 while another's claim holds.
local log = KEYS[1]
local fields = redis.call('HMGET', log, 'epoch', 'owner', 'owner_at')
if not fields[1] then return 0 end
local now = tonumber(redis.call('TIME')[1])
if fields[2] and fields[2] ~= ARGV[1] and now - (tonumber(fields[3] or '') or 0) < tonumber(ARGV[2]) then return 2 end
redis.call('HSET', log, 'owner', ARGV[1], 'owner_at', now)
return 1
