-- KEYS entry. ARGV token, ms, the token of what the client found to be of no
-- use.
-- Returns a body as read.lua describes it, or 'E' if an entry stands that the
-- client has not judged.
local v = pcall_('GETRANGE', KEYS[1], 0, 85)
local body = 'F-'
if v == '' and call('EXISTS', KEYS[1]) == 0 then
  body = 'M-'
elseif type(v) == 'string' and #v >= 12 and sub(v, 1, 2) == 'ST' then
  local version, kind = byte(v, 3, 4)
  if version ~= 1 or (kind > 3 and kind ~= 80) then
    body = 'N-'
  elseif kind == 80 then
    body = 'M-' .. sub(v, 5, 12)
  elseif sub(v, 5, 12) == ARGV[3] then
    body = 'I-' .. ARGV[3]
  elseif #v < 86 then
    body = 'C-' .. sub(v, 5, 12)
  else
    return 'E'
  end
end
local err
body, err = plant(body, KEYS[1], ARGV[1], ARGV[2])
return err or body
