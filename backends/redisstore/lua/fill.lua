-- KEYS entry, meta. ARGV token, blob, ms, fields of the tags.
local m = call('HMGET', KEYS[2], 'e', 'n', 't:\0', unpack(ARGV, 4))
if not m[1] then return false end

local clock, blob = m[1] .. m[2], ARGV[2]
local standing = pcall_('GETRANGE', KEYS[1], 4, 11)
if standing ~= ARGV[1] then
  -- The client repeats a call whose reply was lost: then the token is ours.
  return clock .. (standing == sub(blob, 5, 12) and ' 1' or ' 0')
end
if m[1] ~= sub(blob, 13, 20) then return clock .. ' 0' end
local stamp
for i = 3, #ARGV do -- m has one more than the tags: that of all
  if m[i] then
    stamp = stamp or number(blob, 21)
    if tonumber(m[i]) > stamp then return clock .. ' 0' end
  end
end
store(KEYS[1], blob, ARGV[3])
return clock .. ' 1'
