-- KEYS source, target, meta. ARGV token of the source, blob.
local m = call('HMGET', KEYS[3], 'e', 'n', 't:\0')
if not m[1] then return false end
local v = pcall_('GETRANGE', KEYS[1], 0, 85)
if not live(v, m, KEYS[3], KEYS[1]) or sub(v, 5, 12) ~= ARGV[1] then
  return m[1] .. m[2] .. ' 0' -- it changed since it was read
end

local ms = call('PTTL', KEYS[1])
local n = call('HINCRBY', KEYS[3], 'n', 1)
if ms < 0 then
  call('SET', KEYS[2], ARGV[2])
else
  call('SET', KEYS[2], ARGV[2], 'PX', math.max(ms, 1))
end
call('UNLINK', KEYS[1])
log(KEYS[3], m[1], n, 1, item('k', KEYS[1]) .. item('k', KEYS[2]))
return reply(m[1], n, '1')
