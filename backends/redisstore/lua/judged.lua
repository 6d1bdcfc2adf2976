-- What the scripts share that change an entry which the client has judged: that
-- it is valid depends on its clock and its tags, and on nothing else of it.
-- ARGV begins with these: bytes 12 to 28, and bytes 76 to 82 with the tags block.

-- stands tells whether v, the header at least, is of such an entry.
local function stands(v)
  if type(v) ~= 'string' or #v < 86 or sub(v, 1, 3) ~= 'ST\1' then return false end
  local kind, tags = byte(v, 4), ARGV[2]
  if kind == 2 or kind > 3 or sub(v, 13, 28) ~= ARGV[1] or sub(v, 77, 82) ~= sub(tags, 1, 6) then return false end
  return #tags == 6 or call('GETRANGE', KEYS[1], 86, 79 + #tags) == sub(tags, 7)
end

