-- One round trip for a batch: observe each event, then measure its wishes, in order; trim what was touched at the end.
-- ARGV[1], msgpack: {warm = {marker keys}, mark = seconds, keys = {{name, kind, reach, most, seconds, written}},
--                    events = {{time, writes, reads, settled}}}
-- Answers msgpack: {places of cold markers, {answers of event 1, …}}. With a cold marker nothing else was done.
local call = redis.call
local batch = cmsgpack.unpack(ARGV[1])
local keys = batch.keys

local cold = {}
for place, marker in ipairs(batch.warm) do
  if call('EXPIRE', marker, batch.mark) == 0 then cold[#cold + 1] = place - 1 end
end
if #cold > 0 then return cmsgpack.pack({cold, {}}) end

-- The end of the latest window of this length that holds the moment. In order, and for a settled event, that is the
-- moment itself.
local newest, settled = {}, false
local function ending(name, time, within)
  if settled then return time end
  if newest[name] == nil then
    newest[name] = tonumber(call('ZREVRANGE', name, 0, 0, 'WITHSCORES')[2]) or 0
  end
  if newest[name] <= time then return time end
  local last = call('ZREVRANGEBYSCORE', name, time + within - 1, time, 'WITHSCORES', 'LIMIT', 0, 1)
  return tonumber(last[2]) or time
end

local write = {
  times = function(name, time, entry) call('ZADD', name, time, entry) end,
  values = function(name, time, entry) call('ZADD', name, 'GT', time, entry) end,
  known = function(name, time, entry)
    call('ZADD', name, 'LT', time, entry)
    call('ZADD', '+' .. name, 'GT', time, entry)
  end,
  events = function(name, time, entry, facts)
    call('ZADD', name, time, entry)
    call('HSET', '+' .. name, entry, facts)
  end,
  unteach = function(name, time, entry)
    if tonumber(call('ZSCORE', name, entry) or -1) == time then
      call('ZREM', name, entry)
      call('ZREM', '+' .. name, entry)
    end
  end,
}
write.amounts = write.times

local read = {
  count = function(name, time, within)
    local last = ending(name, time, within)
    return call('ZCOUNT', name, last - within + 1, last)
  end,
  sum = function(name, time, within)
    local last = ending(name, time, within)
    return call('ZRANGEBYSCORE', name, last - within + 1, last)
  end,
  newest = function(name, time, within, most)
    return call('ZREVRANGEBYSCORE', name, time, time - within + 1, 'LIMIT', 0, most)
  end,
  stamps = function(name, time, within, most)
    local found, times = call('ZREVRANGEBYSCORE', name, time, time - within + 1, 'WITHSCORES', 'LIMIT', 0, most), {}
    for place = 2, #found, 2 do times[#times + 1] = found[place] end
    return times
  end,
  last = function(name, time, within, judged)
    for _, entry in ipairs(call('ZREVRANGEBYSCORE', name, time, time - within + 1, 'LIMIT', 0, 2)) do
      if entry ~= judged then return call('HGET', '+' .. name, entry) end
    end
    return false
  end,
  first = function(name, time, entry, itself)
    local first = tonumber(call('ZSCORE', name, entry) or nil)
    if first ~= nil and first <= time then return first end
    return itself and time
  end,
  known = function(name, time) return call('ZCOUNT', name, '-inf', time - 1) end,
}

local answers = {}
for number, event in ipairs(batch.events) do
  local time, given = event[1], {}
  settled = event[4]
  for _, op in ipairs(event[2]) do
    local name = keys[op[2]][1]
    write[op[1]](name, time, op[3], op[4])
    if newest[name] and newest[name] < time then newest[name] = time end
  end
  for place, op in ipairs(event[3]) do given[place] = read[op[1]](keys[op[2]][1], time, op[3], op[4]) end
  answers[number] = given
end

for _, key in ipairs(keys) do
  local name, kind, reach, most, seconds, written = key[1], key[2], key[3], key[4], key[5], key[6]
  if written and kind == 'known' then
    local over = call('ZCARD', '+' .. name) - most
    if over > 0 then
      local gone = call('ZRANGE', '+' .. name, 0, over - 1)
      call('ZREM', '+' .. name, unpack(gone))
      call('ZREM', name, unpack(gone))
    end
    call('EXPIRE', name, seconds)
    call('EXPIRE', '+' .. name, seconds)
  elseif written then
    if kind == 'events' then
      local gone = call('ZRANGEBYSCORE', name, '-inf', reach)
      for _, entry in ipairs(call('ZRANGE', name, 0, -(most + 1))) do gone[#gone + 1] = entry end
      for _, entry in ipairs(gone) do call('HDEL', '+' .. name, entry) end
      call('EXPIRE', '+' .. name, seconds)
    end
    local held = call('ZCARD', name)
    if held > 1 then call('ZREMRANGEBYSCORE', name, '-inf', reach) end
    if held > most then call('ZREMRANGEBYRANK', name, 0, -(most + 1)) end
    call('EXPIRE', name, seconds)
  end
end
return cmsgpack.pack({cold, answers})
