// SPDX-License-Identifier: Apache-2.0
#include "tls_changes.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

int tls_changes_open(void)
{
	int changes = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);

	return changes < 0 ? -errno : changes;
}

int tls_changes_watch(int changes, struct tls_target *target, int file)
{
	char path[32];
	int watch;

	if (changes < 0)
		return changes;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
	watch = inotify_add_watch(changes, path, IN_MODIFY | IN_ONESHOT);
	target->watch = watch; /* after a failure -1, which no event has: not tried again */
	return watch < 0 ? -errno : 0;
}

void tls_changes_forget(int changes, struct tls_target *target)
{
	if (changes >= 0 && target->watch)
		inotify_rm_watch(changes, target->watch);
	target->watch = 0;
}

static int64_t now_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}

/* A chmod counts too: then the probes are made anew, for nothing. */
bool tls_changes_since(int slots_fd, const struct tls_target *target, int file)
{
	struct tls_slot slot;
	struct stat status;
	int64_t changed;

	if (!target->slot || bpf_map_lookup_elem(slots_fd, &target->slot, &slot) ||
	    fstat(file, &status))
		return false;
	changed = status.st_ctim.tv_sec * 1000000000LL + status.st_ctim.tv_nsec;
	return now_ns(CLOCK_REALTIME) - changed <
	       now_ns(CLOCK_BOOTTIME) - (int64_t)slot.attached_ns;
}

void tls_changes_take(int changes, tls_changes_taker *take, void *context)
{
	_Alignas(struct inotify_event) char bytes[4096];
	const struct inotify_event *event;
	ssize_t length, at;

	while (changes >= 0 && (length = read(changes, bytes, sizeof(bytes))) > 0)
		for (at = 0; at < length; at += (ssize_t)(sizeof(*event) + event->len)) {
			event = (const struct inotify_event *)(bytes + at);
			if (event->mask & IN_MODIFY)
				take(context, event->wd);
		}
}
