-- Gives the right to load, unless an entry good enough is there or another has the right. One round trip.
-- KEYS[1] entry, KEYS[2] lease; ARGV: token, life of the lease in ms, first 8 bytes of a header that this reader can
-- read, epoch of the clear log, head below which entries of this key are dead, least version, now in Unix ms, Unix ms
-- after which the entry must have been loaded, most bytes, then pairs of cleared tag and head.
-- Returns {0, entry}, {1} with the right, {2, ms until the other's right ends}, or {3} where something else than a lease
-- is in its place.
local function less(a, b)
  for i = 1, 8 do
    local x, y = string.byte(a, i), string.byte(b, i)
    if x ~= y then return x < y end
  end
  return false
end
local function number(s, at)
  local n = 0
  for i = at, at + 7 do n = n * 256 + string.byte(s, i) end
  return n
end

local old = redis.pcall('GETRANGE', KEYS[1], 0, 79)
if type(old) == 'string' and #old == 80
  and string.sub(old, 1, 5) == string.sub(ARGV[3], 1, 5)
  and string.sub(old, 7, 8) == string.sub(ARGV[3], 7, 8)
  and string.byte(old, 10) < 2
  and string.sub(old, 57, 64) == ARGV[4]
  and not less(string.sub(old, 65, 72), ARGV[5])
  and not less(string.sub(old, 49, 56), ARGV[6]) then
  local created = number(old, 25)
  local alive = created > tonumber(ARGV[8]) and tonumber(ARGV[7]) < created + number(old, 33)
  local len = string.byte(old, 11) * 256 + string.byte(old, 12)
  if alive and len > 0 and #ARGV > 9 then
    local tags = redis.call('GETRANGE', KEYS[1], 80, 79 + len)
    local at = 1
    while at <= #tags do
      local n = string.byte(tags, at)
      local tag = string.sub(tags, at + 1, at + n)
      for i = 10, #ARGV, 2 do
        if ARGV[i] == tag and less(string.sub(old, 65, 72), ARGV[i + 1]) then alive = false end
      end
      at = at + 1 + n
    end
  end
  if alive then
    return { 0, redis.call('GETRANGE', KEYS[1], 0, ARGV[9]) }
  end
end
if redis.call('SET', KEYS[2], ARGV[1], 'NX', 'PX', ARGV[2]) then return { 1 } end
-- A lease has 64 digits of hex, and a life: anything else is another application's, and ends by nobody's doing. The last 16
-- are a head of the clear log, which counts clears and so begins with zeros; those of a hash do not.
local held = redis.pcall('GET', KEYS[2])
local left = redis.call('PTTL', KEYS[2])
if type(held) ~= 'string' or #held ~= 64 or left < 0
  or string.find(held, '[^0-9a-f]') or string.sub(held, 49, 56) ~= '00000000' then
  return { 3 }
end
-- What is loaded by who began before a clear of this key is dead: the right to load begins anew. The token ends with
-- epoch and head.
local function hex(s)
  return (string.gsub(s, '.', function(c) return string.format('%02x', string.byte(c)) end))
end
if string.sub(held, 33, 48) ~= hex(ARGV[4]) or string.sub(held, 49, 64) < hex(ARGV[5]) then
  redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])
  return { 1 }
end
return { 2, left }
