-- Asks Latchkey whether a request may pass. haproxy.cfg refuses whatever this has not marked as allowed.
local endpoint = "http://127.0.0.1:8080/api/authz/forward-auth"
local passed_on = { "cookie", "accept", "authorization", "x-requested-with", "sec-fetch-mode", "sec-fetch-dest", "upgrade" }
local identity = { "remote-user", "remote-groups", "remote-name", "remote-email" }

core.register_action("latchkey", { "http-req" }, function(txn)
    local sent, headers = txn.http:req_get_headers(), {}
    for _, name in ipairs(passed_on) do
        if sent[name] then
            headers[name] = { sent[name][0] }
        end
    end
    headers["x-forwarded-method"] = { txn.f:method() }
    headers["x-forwarded-proto"] = { "https" }
    headers["x-forwarded-host"] = { txn:get_var("txn.latchkey_host") }
    headers["x-forwarded-uri"] = { txn.f:pathq() }
    headers["x-forwarded-for"] = { txn.f:src() }

    local answer = core.httpclient():get({ url = endpoint, headers = headers, timeout = 5000 })
    if answer.status == 200 then
        for _, name in ipairs(identity) do
            -- All four are always there. Where one is not, this fails, and nobody is let in.
            txn.http:req_set_header(name, answer.headers[name][0])
        end
        txn:set_var("txn.latchkey", "allowed")
        return
    end
    local refusals = { [302] = true, [303] = true, [400] = true, [401] = true, [403] = true, [429] = true }
    local reply = txn:reply({ status = refusals[answer.status] and answer.status or 503 })
    for _, name in ipairs({ "location", "www-authenticate", "retry-after" }) do
        if answer.headers and answer.headers[name] then
            reply:add_header(name, answer.headers[name][0])
        end
    end
    txn:set_priv(reply)
    txn:set_var("txn.latchkey", "refused")
end)

-- Answers a request that may not pass as Latchkey said.
core.register_action("latchkey_refuse", { "http-req" }, function(txn)
    txn:done(txn:get_priv())
end)
