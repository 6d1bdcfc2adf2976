-- KEYS entry, meta. ARGV delta, token, and to begin with: blob, ms, digits.
-- Returns 'I' when it began, 'M' when there was nothing, 'T' if the entry is no
-- integer, 'O' on overflow, and otherwise the digits of the sum.
local m = call('HMGET', KEYS[2], 'e', 'n', 't:\0')
if not m[1] then return false end
local clock = m[1] .. m[2] .. ' '

-- intact tells whether the server's part of an integer is what was written.
local function intact(v, body)
  return #v - body < 20 and seal(sub(v, 5, 28), sub(v, body)) == sub(v, 29, 32)
end

local v, body = pcall_('GET', KEYS[1]), nil
local is = live(v, m, KEYS[2], KEYS[1])
if is and byte(v, 4) == 1 then
  body = 87 + number('\0\0\0\0' .. sub(v, 79, 82), 1)
  is = intact(v, body)
end
if not is then
  if not ARGV[3] then return clock .. 'M' end
  local n = call('HINCRBY', KEYS[2], 'n', 1)
  stamp(KEYS[1], ARGV[3], ARGV[4], m[1] .. bytes(n), ARGV[5])
  return reply(m[1], n, 'I')
end
if not body then return clock .. 'T' end

-- The server itself adds, in 64 bits: Lua counts in doubles. Nobody sees what
-- stands under the key meanwhile.
call('SET', KEYS[1], sub(v, body), 'KEEPTTL')
local sum = pcall_('INCRBY', KEYS[1], ARGV[1])
if type(sum) ~= 'number' then
  call('SET', KEYS[1], v, 'KEEPTTL')
  return clock .. (string.find(sum.err, 'overflow', 1, true) and 'O' or 'T')
end
local digits = call('GET', KEYS[1])
local guarded = ARGV[2] .. sub(v, 13, 28)
call('SET', KEYS[1], sub(v, 1, 4) .. guarded .. seal(guarded, digits) .. sub(v, 33, 82)
  .. char(0, 0, 0, #digits) .. sub(v, 87, body - 1) .. digits, 'KEEPTTL')
return clock .. digits
