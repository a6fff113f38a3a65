-- Puts another entry in place of one, if it still begins as it did, and keeps its time to live.
-- KEYS[1] entry; ARGV: first 80 bytes of the old one, the new one.
local old = redis.pcall('GETRANGE', KEYS[1], 0, 79)
if type(old) == 'string' and old == ARGV[1] then
  redis.call('SET', KEYS[1], ARGV[2], 'KEEPTTL')
  return 1
end
return 0
