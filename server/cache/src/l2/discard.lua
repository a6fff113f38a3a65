-- Removes an entry if it still begins as it did when it was found to be unreadable.
-- KEYS[1] entry; ARGV: its first 80 bytes.
local old = redis.pcall('GETRANGE', KEYS[1], 0, 79)
if type(old) == 'string' and old == ARGV[1] then
  return redis.call('UNLINK', KEYS[1])
end
return 0
