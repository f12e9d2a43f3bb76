# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# What happens inside the guest. Each part of the output begins with "@@ NAME"; test_kernels.py
# judges them.
# The functions are called by name through until_true.
# shellcheck disable=SC2317

url=http://127.0.0.1:9782

part() {
	echo "@@ $1"
}

now() {
	cut -d. -f1 /proc/uptime
}

# until_true SECONDS COMMAND...: runs it again until it succeeds
until_true() {
	limit=$(($(now) + $1))
	shift
	while ! "$@"; do
		[ "$(now)" -lt $limit ] || return 1
		sleep 0.1
	done
}

# Not wget's own -T: with it the distribution's static busybox 1.35 crashes.
ready() {
	timeout 5 wget -q -O /dev/null "$url/-/ready" 2>/dev/null
}

ready_or_dead() {
	ready || ! kill -0 "$observer" 2>/dev/null
}

# The facts that this script makes happen; the exact numbers are judged outside.
counted() {
	timeout 10 wget -q -O /tmp/metrics "$url/metrics" &&
		grep -q '^orchestrate_agent_exits_total{.*code="3".* 1$' /tmp/metrics &&
		grep -q '^orchestrate_tool_executions_total{.* 1$' /tmp/metrics &&
		grep -q '^orchestrate_agent_exits_total{type="codex".* 1$' /tmp/metrics &&
		grep -q '^upstream_connections_total{upstream="postgres".* 1$' /tmp/metrics &&
		grep -q '^upstream_connections_total{upstream="anthropic".* 1$' /tmp/metrics &&
		grep -q '^telegram_api_requests_total{endpoint="getMe".* 1$' /tmp/metrics
}

listening_tls() {
	netstat -ltn | grep -q ':443 '
}

probed() {
	timeout 10 wget -q -O /tmp/metrics "$url/metrics" &&
		grep -q '^operaglass_tls_targets{stack="openssl",state="attached"} 1$' /tmp/metrics
}

# A request over HTTP/2, as bytes: preface, SETTINGS, and HEADERS with POST, https and :path. This
# server has no answer to it.
call_http2() {
	printf '%b' 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\004\0\0\0\0\0' \
		'\0\0\020\001\005\0\0\0\001\0203\0207\004\014/v1/messages' |
		openssl s_client -quiet -no_ign_eof -connect 127.0.0.1:443 \
			-servername api.anthropic.com >>/tmp/answer 2>>/tmp/client
}

# One Bot API call by a real client, to a server that answers 200 and closes. The server maps libssl
# first, so the probes are there before the client starts.
call_telegram() {
	openssl s_server -quiet -www -accept 443 -cert /tls/certificate -key /tls/key >/tmp/server 2>&1 &
	server=$!
	until_true 20 listening_tls && until_true 20 probed &&
		printf 'GET /bot%s/getMe HTTP/1.1\r\nHost: api.telegram.org\r\n\r\n' 110201543:not-a-real-token |
		openssl s_client -quiet -connect 127.0.0.1:443 -servername api.telegram.org \
			>/tmp/answer 2>/tmp/client &&
		grep -q '200 ok' /tmp/answer && call_http2
	called=$?
	kill $server
	return $called
}

# Bpf objects are freed some time after their last reference went.
as_before() {
	bpf-ids >/tmp/after
	cmp -s /tmp/before /tmp/after
}

echo 2 >/proc/sys/kernel/unprivileged_bpf_disabled
bpf-ids >/tmp/before

part doctor
operaglass doctor 2>&1
code=$?
part doctor-code
echo $code

operaglass run --user nobody >/tmp/log 2>&1 &
observer=$!
part ready
if until_true 120 ready_or_dead && ready; then
	echo yes
	claude
	agent=$?
	database serve && database ask
	connection=$?
	call_telegram
	call=$?
	part eater-said
	codex
	eater=$?
	until_true 10 counted
	part agent-code
	echo $agent
	part eater-code
	echo $eater
	part killed
	dmesg | grep -E 'oom-kill:|[Oo]ut of memory'
	part connection-code
	echo $connection
	part call-code
	echo $call
	part call-log
	cat /tmp/server /tmp/client /tmp/answer 2>&1 | head -20
	part metrics
	cat /tmp/metrics
fi

kill -TERM "$observer" 2>/dev/null
part run-code
wait "$observer"
echo $?
part log
cat /tmp/log

part pins-before-unload
find /sys/fs/bpf -mindepth 1
part unload
operaglass unload 2>&1
code=$?
part unload-code
echo $code
part pins
find /sys/fs/bpf -mindepth 1
part objects
if ! until_true 10 as_before; then
	diff /tmp/before /tmp/after | grep '^[+-][a-z]'
	part left-over
	bpftool prog show
	bpftool map show
fi
exit 0
