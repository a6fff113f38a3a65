-- Writes an entry unless a living one there is newer, and gives the writer's lease back. 80-byte headers as in
-- header.rs, numbers big-endian.
-- KEYS[1] entry, KEYS[2] lease; ARGV: entry, life in ms, epoch of the clear log, head below which entries of this key
-- are dead, token of the lease or '', then pairs of cleared tag and head.
-- Returns {1 if written, 0 if a newer one is there, 2 if another application's value is; version of the living entry that
-- was there, 8 bytes, or ''}.
local function less(a, b)
  for i = 1, 8 do
    local x, y = string.byte(a, i), string.byte(b, i)
    if x ~= y then return x < y end
  end
  return false
end
-- Whether a time, Unix ms, is more than 2 s ahead of this node's clock: nobody uses such an entry, so that it must not keep
-- others out. A user who may not ask for the time is not refused for it.
local function is_of_the_future(bytes)
  local time = redis.pcall('TIME')
  if time.err then return false end
  local ms = 0
  for i = 1, 8 do ms = ms * 256 + string.byte(bytes, i) end
  return ms > time[1] * 1000 + 2000
end

if KEYS[2] and redis.pcall('GET', KEYS[2]) == ARGV[5] then redis.call('DEL', KEYS[2]) end

local new = ARGV[1]
local old = redis.pcall('GETRANGE', KEYS[1], 0, 79)
-- What does not begin as our entries do, or is of another type, is another application's: SET would delete it. Neither
-- would it be distinguished from nothing if it is empty: then the key is set only if it is not there.
-- A refusal for another reason, as of a right that is missing, is the answer.
if type(old) == 'table' and not string.find(old.err, 'WRONGTYPE', 1, true) then return old end
if type(old) == 'table' or (old ~= '' and string.sub(old, 1, 4) ~= string.sub(new, 1, 4)) then return { 2, '' } end
if old == '' then
  return { redis.call('SET', KEYS[1], new, 'NX', 'PX', ARGV[2]) and 1 or 2, '' }
end
local before = ''
-- Same magic, format and schema; anything else refuses nothing.
if #old == 80
  and string.sub(old, 1, 5) == string.sub(new, 1, 5)
  and string.sub(old, 7, 8) == string.sub(new, 7, 8)
  and string.sub(old, 57, 64) == ARGV[3]
  and not less(string.sub(old, 65, 72), ARGV[4]) then
  local alive = true
  local len = string.byte(old, 11) * 256 + string.byte(old, 12)
  if len > 0 and #ARGV > 5 then
    local tags = redis.call('GETRANGE', KEYS[1], 80, 79 + len)
    local at = 1
    while at <= #tags do
      local n = string.byte(tags, at)
      local tag = string.sub(tags, at + 1, at + n)
      for i = 6, #ARGV, 2 do
        if ARGV[i] == tag and less(string.sub(old, 65, 72), ARGV[i + 1]) then alive = false end
      end
      at = at + 1 + n
    end
  end
  if alive then
    before = string.sub(old, 49, 56)
    -- Version, then a removal before anything else, then head of the clear log, then time of the load.
    local v = string.sub(new, 49, 56)
    if less(v, before) then return { 0, before } end
    if v == before then
      local was, is = string.byte(old, 10) == 2, string.byte(new, 10) == 2
      if was and not is then return { 0, before } end
      if was == is then
        for _, at in ipairs({ 65, 25 }) do
          local a, b = string.sub(new, at, at + 7), string.sub(old, at, at + 7)
          if less(a, b) and not (at == 25 and is_of_the_future(b)) then return { 0, before } end
          if a ~= b then break end
        end
      end
    end
  end
end
redis.call('SET', KEYS[1], new, 'PX', ARGV[2])
return { 1, before }
