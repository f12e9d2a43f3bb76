# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# What happens inside the guest. Each part of the output begins with "@@ NAME"; test_kernels.py judges them.
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

# The two facts that this script makes happen; the exact numbers are judged outside.
counted() {
	timeout 10 wget -q -O /tmp/metrics "$url/metrics" &&
		grep -q '^orchestrate_agent_exits_total{.*code="3".* 1$' /tmp/metrics &&
		grep -q '^orchestrate_tool_executions_total{.* 1$' /tmp/metrics &&
		grep -q '^upstream_connections_total{upstream="postgres".* 1$' /tmp/metrics
}

# Programs and maps by id, since names may be anybody's.
kernel_objects() {
	bpftool prog show | sed -n 's/^\([0-9]*\):.*/program \1/p'
	bpftool map show | sed -n 's/^\([0-9]*\):.*/map \1/p'
}

# Bpf objects are freed some time after their last reference went.
as_before() {
	kernel_objects >/tmp/after
	cmp -s /tmp/before /tmp/after
}

echo 2 >/proc/sys/kernel/unprivileged_bpf_disabled
kernel_objects >/tmp/before

part doctor
operaglass doctor 2>&1
code=$?
part doctor-code
echo $code

operaglass run --user nobody >/tmp/log 2>&1 &
observer=$!
part ready
if until_true 40 ready_or_dead && ready; then
	echo yes
	claude
	agent=$?
	database serve && database ask
	connection=$?
	until_true 10 counted
	part agent-code
	echo $agent
	part connection-code
	echo $connection
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
until_true 10 as_before || diff /tmp/before /tmp/after | grep '^[+-][a-z]'
exit 0
