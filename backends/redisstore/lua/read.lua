-- What the scripts share that read. The body of a reading is a valid entry as
-- it stands, after an E if it has expired, or a letter, a sign and the 8 bytes of a token, if there is one:
--
--   M  nothing, or a placeholder          F  foreign
--   I  an entry that is not valid         N  of a newer format
--   C  an entry that was cut
--
-- '+' says that the token was planted by this call.

-- judge makes the body from what stands under key.
local function judge(v, m, meta, key)
  local s, t, version, kind = byte(v, 1, 4)
  if s ~= 83 or t ~= 84 or #v < 12 then return 'F-' end
  if version ~= 1 or (kind > 3 and kind ~= 80) then return 'N-' end
  if kind == 80 then return 'M-' .. sub(v, 5, 12) end
  if #v < 86 then return 'C-' .. sub(v, 5, 12) end
  local verdict = sub(v, 13, 20) ~= m[1] or outdated(v, m, meta, key)
  if not verdict then return v end
  if verdict == 'E' then return 'E' .. v end
  return 'I-' .. sub(v, 5, 12)
end

-- plant puts a placeholder over what body stands for, and keeps one that stands
-- for as long. Without memory, or with a disk that is full, body stays what it
-- is. The second result is an error that is none of these.
local function plant(body, key, token, ms)
  local kind, done = sub(body, 1, 1), nil
  if #body > 10 or kind == 'N' then return body end -- of an entry, or not ours to replace
  if kind == 'M' and #body == 10 then
    if call('PTTL', key) >= tonumber(ms) then return body end
    done = pcall_('PEXPIRE', key, ms)
  else
    done = pcall_('SET', key, 'ST\1P' .. token, 'PX', ms)
    if not done.err then return kind .. '+' .. token end
  end
  if type(done) == 'table' and done.err
    and not string.find(done.err, 'OOM', 1, true) and not string.find(done.err, 'MISCONF', 1, true) then
    return body, done
  end
  return body
end
