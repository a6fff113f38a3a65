-- Whether writes are taken: sets a key of a short life, reads its life, deletes it.
-- KEYS[1] a key of no other use; ARGV: life in ms. Returns {life in ms, keys deleted}.
redis.call('SET', KEYS[1], 'probe', 'PX', ARGV[1])
local life = redis.call('PTTL', KEYS[1])
return { life, redis.call('DEL', KEYS[1]) }
