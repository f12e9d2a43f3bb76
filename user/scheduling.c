// SPDX-License-Identifier: Apache-2.0
#include "scheduling.h"

#include <errno.h>
#include <linux/sched.h>
#include <linux/sched/types.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "log.h"

#define TURN_NS 100000 /* the shortest that the kernel grants */

void scheduling_prefer_short_turns(void)
{
	struct sched_attr wish = {
		.size = sizeof(wish),
		.sched_policy = SCHED_NORMAL,
		.sched_flags = SCHED_FLAG_RESET_ON_FORK,
		.sched_nice = getpriority(PRIO_PROCESS, 0),
		.sched_runtime = TURN_NS,
	};

	/* Whoever gave us another policy meant it. */
	if (syscall(SYS_sched_getscheduler, 0) == SCHED_NORMAL &&
	    syscall(SYS_sched_setattr, 0, &wish, 0))
		log_debug(-errno, "cannot ask for short turns: %s", strerror(errno));
}
