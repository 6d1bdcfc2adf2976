-- The rest of get.lua: see gethit.lua.
local body = 'M-'
if type(v) == 'string' then
  body = judge(v, m, KEYS[2], KEYS[1])
elseif v then
  if not string.find(v.err, 'WRONGTYPE', 1, true) then return v end
  body = 'F-'
end
if ARGV[1] and #body <= 10 then
  local err
  body, err = plant(body, KEYS[1], ARGV[1], ARGV[2])
  if err then return err end
end
if #body > long then return {m[1] .. m[2] .. ' ', body} end
return m[1] .. m[2] .. ' ' .. body
