-- KEYS entry, meta. ARGV bytes 32 to 52, ms.
local m = call('HMGET', KEYS[2], 'e', 'n', 't:\0')
if not m[1] then return false end
if not live(pcall_('GETRANGE', KEYS[1], 0, 85), m, KEYS[2], KEYS[1]) then
  return m[1] .. m[2] .. ' 0'
end

local n = call('HINCRBY', KEYS[2], 'n', 1)
call('SETRANGE', KEYS[1], 32, ARGV[1])
if ARGV[2] == '0' then
  call('PERSIST', KEYS[1])
else
  call('PEXPIRE', KEYS[1], ARGV[2]) -- -1 removes it
end
log(KEYS[2], m[1], n, 1, item('k', KEYS[1]))
return reply(m[1], n, '1')
