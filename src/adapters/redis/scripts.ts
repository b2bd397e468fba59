/**
 * Every atomic step of the store, as Lua that Redis runs whole. A lease is the string `token:owner` with a time to
 * live; its token comes from a counter that is never reset, so a later holder always has a higher one.
 */

/** KEYS document, index, lease; ARGV value, key, expected revision or "", lease or "". Returns the new revision. */
export const write = `
if ARGV[4] ~= "" and redis.call("GET", KEYS[3]) ~= ARGV[4] then return "lease-lost" end
local revision = tonumber(redis.call("HGET", KEYS[1], "revision") or "0")
if ARGV[3] ~= "" and revision ~= tonumber(ARGV[3]) then return "mismatch" end
redis.call("HSET", KEYS[1], "value", ARGV[1], "revision", revision + 1)
redis.call("ZADD", KEYS[2], 0, ARGV[2])
return revision + 1`;

/** KEYS document, index, list; ARGV key. */
export const remove = `
redis.call("DEL", KEYS[1], KEYS[3])
redis.call("ZREM", KEYS[2], ARGV[1])
return 1`;

/** KEYS lease, counter; ARGV owner, ttl in ms. Returns the token, or the other owner. */
export const acquire = `
local held = redis.call("GET", KEYS[1])
if held then
  local owner = string.sub(held, string.find(held, ":", 1, true) + 1)
  if owner ~= ARGV[1] then return owner end
end
local token = redis.call("INCR", KEYS[2])
redis.call("SET", KEYS[1], token .. ":" .. ARGV[1], "PX", ARGV[2])
return token`;

/** KEYS lease; ARGV lease, ttl in ms. */
export const renew = `
if redis.call("GET", KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call("PEXPIRE", KEYS[1], ARGV[2])`;

/** KEYS lease; ARGV lease. */
export const release = `
if redis.call("GET", KEYS[1]) == ARGV[1] then redis.call("DEL", KEYS[1]) end
return 1`;

/**
 * KEYS chain, keys of its entries by sequence; ARGV last entry as read or "", next entry, its key or "", its sequence.
 * Appends only when nobody else did, and what has a key only once. Returns 0 when another entry came in between.
 */
export const chainOn = `
if ARGV[3] ~= "" and redis.call("ZSCORE", KEYS[2], ARGV[3]) then return -1 end
if (redis.call("LINDEX", KEYS[1], -1) or "") ~= ARGV[1] then return 0 end
if ARGV[3] ~= "" then redis.call("ZADD", KEYS[2], ARGV[4], ARGV[3]) end
return redis.call("RPUSH", KEYS[1], ARGV[2])`;

/**
 * KEYS chain, keys of its entries by sequence; ARGV first and last entry as read, checkpoint, how many to drop, sequence
 * of the last of them. Only when nobody else changed it.
 */
export const prune = `
if redis.call("LINDEX", KEYS[1], 0) ~= ARGV[1] or redis.call("LINDEX", KEYS[1], -1) ~= ARGV[2] then return 0 end
redis.call("RPUSH", KEYS[1], ARGV[3])
redis.call("LTRIM", KEYS[1], ARGV[4], -1)
redis.call("ZREMRANGEBYSCORE", KEYS[2], "-inf", ARGV[5])
return 1`;

/** KEYS list; ARGV value, how many to keep. */
export const append = `
redis.call("RPUSH", KEYS[1], ARGV[1])
redis.call("LTRIM", KEYS[1], -tonumber(ARGV[2]), -1)
return 1`;
