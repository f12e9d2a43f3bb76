# SPDX-License-Identifier: Apache-2.0
# Net::HTTP over one keep-alive connection.
require "json"
require "net/http"

plan = JSON.parse(ARGV[0])

def now
  Process.clock_gettime(Process::CLOCK_MONOTONIC, :nanosecond)
end

http = nil
plan["requests"].each do |request|
  begin
    if http.nil?
      fresh = Net::HTTP.new(plan["host"], plan["port"])
      fresh.use_ssl = true
      fresh.ca_file = plan["ca"] if plan["ca"]
      fresh.max_retries = 0
      fresh.keep_alive_timeout = 30
      fresh.read_timeout = request["timeout"] || 30
      fresh.start
      http = fresh
    end
    content = request["body"] && "b" * request["body"]
    answered = request["method"] != "HEAD"
    wanted = Net::HTTPGenericRequest.new(request["method"], !content.nil?, answered,
                                         request["path"], request["headers"] || {})
    wanted["Content-Type"] = "application/json" if content
    wanted["Accept-Encoding"] = "identity"
    before = now
    answer = http.request(wanted, content)
    answer.body
    puts JSON.generate({ status: answer.code.to_i, ns: now - before, error: nil })
  rescue StandardError => e
    http&.finish if http&.started?
    http = nil
    puts JSON.generate({ status: nil, ns: nil, error: e.inspect })
  end
end
http&.finish
