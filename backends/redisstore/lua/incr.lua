-- KEYS entry, meta. ARGV delta, token, and to begin with: blob, ms, digits.
-- Returns 'I' when it began, 'M' when there was nothing, 'T' if the entry is no
-- integer, 'O' on overflow, and otherwise the digits of the sum.
local m = call('HMGET', KEYS[2], 'e', 'n', 't:\0')
if not m[1] then return false end
local clock = m[1] .. m[2] .. ' '

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
  log(KEYS[2], m[1], n, 1, item('k', KEYS[1]))
  return reply(m[1], n, 'I')
end
if not body then return clock .. 'T' end

return clock .. count(KEYS[1], v, body, ARGV[1], ARGV[2])
