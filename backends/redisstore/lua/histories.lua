-- KEYS meta. ARGV fresh epoch, id of a server's history that must be in the
-- record or '', ids of the histories that the client knows.
-- Returns 0 if there is a record, with that id. Otherwise it makes one and
-- returns 1; or only returns 1 if the fresh epoch is ''. In a new epoch every
-- history is known from its beginning, so all that were known still are.
local known = call('HMGET', KEYS[1], 'e', 'h')
local ids, seen, list = ARGV[2] .. ARGV[3] .. (known[2] or ''), {}, {}
for i = 1, #(known[2] or ''), 8 do seen[sub(known[2], i, i + 7)] = true end
if known[1] and (ARGV[2] == '' or seen[ARGV[2]]) then return 0 end
if ARGV[1] == '' then return 1 end

seen = {}
for i = 1, math.min(#ids, 8192), 8 do
  local id = sub(ids, i, i + 7)
  if not seen[id] then
    seen[id] = true
    list[#list + 1] = id
  end
end
call('UNLINK', KEYS[1], KEYS[1] .. ':log') -- first, because it needs no memory
call('HSET', KEYS[1], 'e', ARGV[1], 'n', '0', 'h', table.concat(list))
return 1
