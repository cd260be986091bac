-- The live part of Interlock's NGINX: which servers a pool has, who of them takes a request, and what is answered
-- without any. Interlock puts records into a shared dictionary, over the control socket; every worker, also one that
-- only finishes what it has, reads them there. render.py writes the calls, records.py the records.

local balancer = require "ngx.balancer"

local records = ngx.shared.interlock_records
local TRIES = 4 -- that may reach a server; where a connection was not even opened, nobody has suffered

local pools = {} -- name -> what this worker made of its record, and of its experience with its servers
local tells_container -- whether the log does, for which there is a variable; known at the first request
local M = {}

-- A record: "LEAD METHOD MOST PATIENCE SLOW NAME;ADDRESS:PORT;WEIGHT;on NAME;ADDRESS:PORT;WEIGHT;off ...". LEAD is
-- "open", "gone", or "closed:RETRY-AFTER:MESSAGE:END" with all three percent-encoded. A stand-by is "standby" instead of
-- "on": it takes requests only while no other can. MOST failures in a row within
-- PATIENCE seconds put a server last, 0 never does; a newcomer has its full share after SLOW seconds.
local function parse(text, before)
    local lead, method, most, patience, slow, rest = text:match("^(%S+) (%a+) (%d+) (%d+) (%d+) ?(.*)$")
    local pool = {
        text = text,
        servers = {},
        method = method,
        most = tonumber(most),
        patience = tonumber(patience),
        slow = tonumber(slow),
    }
    local wait, message = lead:match("^closed:([^:]*):([^:]*):")
    if wait then
        pool.lead, pool.wait, pool.message = "closed", ngx.unescape_uri(wait), ngx.unescape_uri(message)
    else
        pool.lead = lead
    end
    for name, endpoint, weight, state in rest:gmatch("([^ ;]+);([^ ;]+);(%d+);(%a+)") do
        weight = tonumber(weight)
        if state ~= "off" and weight > 0 then
            local key = name .. ";" .. endpoint
            local server = before and before[key]
            if not server then
                server = { key = key, turn = 0, active = 0, failures = 0, failed = 0 }
                server.since = before and ngx.now() or 0
            end
            server.weight, server.share = weight, weight
            server.standby = state == "standby"
            server.address, server.port = endpoint:match("^(.*):(%d+)$")
            pool[key] = server
            table.insert(pool.servers, server)
        end
    end
    return pool
end

local function pool_of(name)
    local text = records:get(name)
    if not text then
        return nil
    end
    local known = pools[name]
    if not known or known.text ~= text then
        known = parse(text, known)
        pools[name] = known
    end
    known.seen = ngx.now()
    return known
end

-- As it was when the request came, if that was in this very millisecond, as it mostly is: one look at the records less.
local function pool_just_seen(name)
    local known = pools[name]
    return known and known.seen == ngx.now() and known or pool_of(name)
end

-- Smooth weighted round robin, as NGINX's own.
local function take_turns(servers)
    local best
    local total = 0
    for _, server in ipairs(servers) do
        server.turn = server.turn + server.share
        total = total + server.share
        if not best or server.turn > best.turn then
            best = server
        end
    end
    best.turn = best.turn - total
    return best
end

local function least_busy(servers)
    local idlest = {}
    local least
    for _, server in ipairs(servers) do
        local load = server.active / server.share
        if not least or load < least then
            least, idlest = load, { server }
        elseif load == least then
            table.insert(idlest, server)
        end
    end
    return take_turns(idlest)
end

local function by_chance(servers)
    local total = 0
    for _, server in ipairs(servers) do
        total = total + server.share
    end
    local left = math.random() * total
    for _, server in ipairs(servers) do
        left = left - server.share
        if left < 0 then
            return server
        end
    end
    return servers[#servers]
end

-- Weighted rendezvous hashing: a server that comes or goes moves only its own share of the keys.
local function by_key(servers, key)
    local best, highest
    for _, server in ipairs(servers) do
        local a, b, c, d = ngx.md5_bin(key .. server.key):byte(1, 4)
        local uniform = (((a * 256 + b) * 256 + c) * 256 + d + 0.5) / 4294967296
        local score = -server.share / math.log(uniform)
        if not highest or score > highest then
            best, highest = server, score
        end
    end
    return best
end

local methods = {
    roundrobin = take_turns,
    first = take_turns,
    leastconn = least_busy,
    random = by_chance,
    source = function(servers)
        return by_key(servers, ngx.var.remote_addr)
    end,
    uri = function(servers)
        return by_key(servers, ngx.var.interlock_path)
    end,
}

local function is_sound(pool, server, now)
    return pool.most == 0 or server.failures < pool.most or now - server.failed > pool.patience
end

-- Whether all are candidates alike, as at most times, so that no list of them is needed.
local function are_all_sound(pool, now)
    for _, server in ipairs(pool.servers) do
        if server.standby or not is_sound(pool, server, now) then
            return false
        end
    end
    return true
end

-- Those that were not tried for this request and did not fail lately, stand-bys only where no other is left; else those
-- not tried; else all.
local function candidates(pool, tried)
    local now = ngx.now()
    if not tried and are_all_sound(pool, now) then
        return pool.servers
    end
    local sound, standbys, untried = {}, {}, {}
    for _, server in ipairs(pool.servers) do
        if not (tried and tried[server]) then
            table.insert(untried, server)
            if is_sound(pool, server, now) then
                table.insert(server.standby and standbys or sound, server)
            end
        end
    end
    return #sound > 0 and sound or #standbys > 0 and standbys or #untried > 0 and untried or pool.servers
end

local function note_failure(server, patience)
    local now = ngx.now()
    if now - server.failed > patience then
        server.failures = 0
    end
    server.failures, server.failed = server.failures + 1, now
    server.active = server.active - 1
end

-- Whether the try before this one got as far as a connection: NGINX notes a dash where it did not.
local function was_reached()
    return not ngx.var.upstream_connect_time:match("%-, %-$")
end

-- A server that has come in has its full share after so many seconds, and a tenth of it at first.
local function start_slowly(servers, seconds)
    local now = ngx.now()
    for _, server in ipairs(servers) do
        server.share = server.weight * math.max(0.1, math.min(1, (now - server.since) / seconds))
    end
end

-- Choose the server for a request, or for another try of it.
function M.balance()
    local pool = pool_just_seen(ngx.var.interlock_name)
    if not pool or #pool.servers == 0 then
        return ngx.exit(ngx.ERROR)
    end
    local context = ngx.ctx
    local request = context.interlock
    if not request then
        request = { made = 0, reached = 0 }
        context.interlock = request
    else
        note_failure(request.server, pool.patience)
        request.tried = request.tried or {}
        request.tried[request.server] = true
        request.reached = request.reached + (was_reached() and 1 or 0)
    end
    request.made = request.made + 1
    if request.made < #pool.servers and request.reached < TRIES - 1 then
        balancer.set_more_tries(1) -- NGINX stops by itself at proxy_next_upstream_tries
    end
    if pool.slow > 0 then
        start_slowly(pool.servers, pool.slow)
    end
    local server = methods[pool.method](candidates(pool, request.tried))
    request.server = server
    if tells_container == nil then
        tells_container = ngx.var.interlock_container ~= nil
    end
    if tells_container then
        ngx.var.interlock_container = server.key:match("^[^;]+")
    end
    server.active = server.active + 1
    local ok, err = balancer.set_current_peer(server.address, server.port)
    if not ok then
        ngx.log(ngx.ERR, "interlock: ", server.key, ": ", err)
        return ngx.exit(ngx.ERROR)
    end
end

-- What is answered without a server; "" where one is to answer.
function M.answer()
    local name = ngx.var.interlock_site
    if name == "" then -- it may be a new host, seated beside what is loaded
        name = records:get("@" .. ngx.var.host) or ""
    end
    ngx.var.interlock_name = name
    local pool = name ~= "" and pool_of(name)
    if not pool or pool.lead == "gone" then
        return "unknown"
    end
    if pool.lead == "closed" then
        ngx.var.interlock_message, ngx.var.interlock_retry_after = pool.message, pool.wait
        return "closed"
    end
    return #pool.servers == 0 and "idle" or ""
end

-- The request is over.
function M.done()
    local request = ngx.ctx.interlock
    if request then
        request.server.active = request.server.active - 1
    end
end

-- At a start: what the file has and the dictionary has not.
function M.load(path)
    local file = io.open(path)
    if not file then
        return
    end
    for line in file:lines() do
        local name, record = line:match("^(%S+) (.+)$")
        if name then
            records:safe_add(name, record)
        end
    end
    file:close()
end

local function body()
    ngx.req.read_body()
    return ngx.req.get_body_data() or ""
end

-- A seat: "@HOST" leads to "NAME".

-- POST: "NAME RECORD" lines to be put in, "NAME" lines to be forgotten.
function M.put()
    for line in body():gmatch("[^\n]+") do
        local name, record = line:match("^(%S+) ?(.*)$")
        local ok, err = true, nil
        if record == "" then
            records:delete(name)
        else
            ok, err = records:safe_set(name, record)
        end
        if not ok then
            ngx.status = 507
            return ngx.say(name, ": ", err)
        end
    end
    ngx.say("ok")
end

-- POST: names, one a line; the answer has the record of each that is known.
function M.get()
    for name in body():gmatch("[^\n]+") do
        local record = records:get(name)
        if record then
            ngx.say(name, " ", record)
        end
    end
end

return M
