-- KEYS meta, entries. ARGV most fields of the meta record, items of what was
-- removed before, fields of the tags.
local m = call('HMGET', KEYS[1], 'e', 'n', 't:\0')
if not m[1] then return false end
if #ARGV > 2 and call('HLEN', KEYS[1]) > tonumber(ARGV[1]) then
  call('UNLINK', KEYS[1]) -- the client makes a new one, which forgets all tags and all entries
  return false
end

-- Removing comes first: it needs no memory, and after it the server lets the
-- rest pass when it has none.
local removed = 0
for i = 2, #KEYS do
  local counts = live(pcall_('GETRANGE', KEYS[i], 0, 85), m, KEYS[1], KEYS[i])
  if call('UNLINK', KEYS[i]) == 1 and counts then removed = removed + 1 end
end
if #KEYS == 1 then call('HDEL', KEYS[1], '') end -- removes nothing

local n = call('HINCRBY', KEYS[1], 'n', 1)
if #ARGV > 2 then
  local stamp = string.format('%.0f', n)
  for i = 3, #ARGV do call('HSET', KEYS[1], ARGV[i], stamp) end
end

local items = {ARGV[2]}
if #KEYS + #ARGV > 1000 then
  items[1] = 'x' -- too much to tell: readers start anew
else
  for i = 2, #KEYS do items[#items + 1] = item('k', KEYS[i]) end
  for i = 3, #ARGV do items[#items + 1] = item('t', sub(ARGV[i], 3)) end
end
log(KEYS[1], m[1], n, 1, table.concat(items))
return reply(m[1], n, string.format('%d', removed))
