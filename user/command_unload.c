// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bpf_load.h"
#include "bpf_mounts.h"
#include "bpf_pins.h"
#include "commands.h"
#include "instance.h"
#include "log.h"
#include "privilege.h"

static int remove_pins(const char *path)
{
	size_t count = 0;
	int code = bpf_pins_remove(path, &count);

	if (!code && rmdir(path))
		code = -errno;
	if (code)
		return log_error(EXIT_FAILED, "cannot remove everything below '%s': %s", path,
				 strerror(-code));
	printf("removed %zu programs and their maps below %s\n", count, path);
	return EXIT_OK;
}

int command_unload(const struct options *options)
{
	const char *path = options->pin_path;
	pid_t holder = 0;
	int fd, code;

	if (!privilege_can_load())
		return log_error(EXIT_USAGE, "operaglass unload needs root: start it with sudo");
	bpf_load_silence();
	if (bpf_mounts_check_bpffs(path) || access(path, F_OK)) {
		printf("nothing is loaded below %s\n", path);
		return EXIT_OK;
	}
	code = instance_lock_directory(path, &fd, &holder);
	if (code == -EWOULDBLOCK)
		return log_error(EXIT_FAILED,
				 "operaglass (pid %d) is running with '%s': stop it first", holder,
				 path);
	if (code)
		return log_error(EXIT_FAILED, "cannot lock '%s': %s", path, strerror(-code));
	code = remove_pins(path);
	close(fd);
	return code;
}
