-- How changes are told to whoever follows them: in a stream, under their number.
-- There is a stream only while somebody does. That a change could not be added,
-- for want of memory or on a server before 6.2, is a hole in the numbers, which
-- its readers see.

-- item is one name in the text of a change; kind is k for a key, t for a tag.
local function item(kind, name) return kind .. #name .. ':' .. name end

-- log adds one change, or several at once that together have count numbers, of
-- which n is the last.
local function log(meta, epoch, n, count, items)
  redis.pcall('XADD', meta .. ':log', 'NOMKSTREAM', 'MAXLEN', '~', '10000', string.format('%.0f-0', n),
    'c', epoch .. count .. ' ' .. items)
end
