-- KEYS entry, meta. ARGV token, blob, ms, fields of the tags.
local m = call('HMGET', KEYS[2], 'e', 'n', 't:\0', unpack(ARGV, 4))
if not m[1] then return false end

local blob = ARGV[2]
local standing = pcall_('GETRANGE', KEYS[1], 4, 11)
if standing ~= ARGV[1] and standing == sub(blob, 5, 12) then
  return m[1] .. m[2] .. ' 1' -- a repeated call: see fill
end
local fits, stamp = standing == ARGV[1] and m[1] == sub(blob, 13, 20), number(blob, 21)
for i = 3, #ARGV do
  if m[i] and tonumber(m[i]) > stamp then fits = false end
end
if fits then
  local n = pcall_('HINCRBY', KEYS[2], 'n', 1)
  if type(n) == 'number' then
    store(KEYS[1], blob, ARGV[3])
    log(KEYS[2], m[1], n, 1, item('k', KEYS[1]))
    return reply(m[1], n, '1')
  end
  -- Without memory the new value cannot be stored, but the old one can go.
  if not string.find(n.err, 'OOM', 1, true) then return n end
end
-- After a removal, which needs no memory, the server lets the rest pass too.
call('UNLINK', KEYS[1])
local n = call('HINCRBY', KEYS[2], 'n', 1)
log(KEYS[2], m[1], n, 1, item('k', KEYS[1]))
return reply(m[1], n, '0')
