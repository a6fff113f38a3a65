-- Writes an entry unless a living one there is newer. 80-byte headers as in header.rs, numbers big-endian.
-- KEYS[1] entry; ARGV: entry, life in ms, epoch of the clear log, head below which entries of this key are dead.
local function less(a, b)
  for i = 1, 8 do
    local x, y = string.byte(a, i), string.byte(b, i)
    if x ~= y then return x < y end
  end
  return false
end

local new = ARGV[1]
local old = redis.pcall('GETRANGE', KEYS[1], 0, 79)
-- Same magic, format and schema; anything else refuses nothing.
if type(old) == 'string' and #old == 80
  and string.sub(old, 1, 5) == string.sub(new, 1, 5)
  and string.sub(old, 7, 8) == string.sub(new, 7, 8)
  and string.sub(old, 57, 64) == ARGV[3]
  and not less(string.sub(old, 65, 72), ARGV[4]) then
  -- Alive: compare version, then head of the clear log, then time of the load.
  for _, at in ipairs({ 49, 65, 25 }) do
    local a, b = string.sub(new, at, at + 7), string.sub(old, at, at + 7)
    if less(a, b) then return 0 end
    if less(b, a) then break end
  end
end
redis.call('SET', KEYS[1], new, 'PX', ARGV[2])
return 1
