// SPDX-License-Identifier: Apache-2.0
#include "bpf_attach.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/capability.h>
#include <unistd.h>

#include "log.h"
#include "privilege.h"

#define PROGRAMS_SHOWN 8

bool bpf_attach_makes_link(enum bpf_attach attach)
{
	return attach == BPF_ATTACH_TRACEPOINT || attach == BPF_ATTACH_CGROUP ||
	       attach == BPF_ATTACH_ITERATOR;
}

/* Names of the programs that hold the hook, as "a, b". */
static void describe_holders(int cgroup_fd, enum bpf_attach_type type, char *out, size_t size)
{
	__u32 ids[PROGRAMS_SHOWN], count = PROGRAMS_SHOWN, length, flags = 0, i;
	struct bpf_prog_info info;
	size_t used = 0;
	int fd;

	snprintf(out, size, "unknown");
	if (bpf_prog_query(cgroup_fd, type, 0, &flags, ids, &count))
		return;
	for (i = 0; i < count && used < size; i++) {
		fd = bpf_prog_get_fd_by_id(ids[i]);
		if (fd < 0)
			continue;
		memset(&info, 0, sizeof(info));
		length = sizeof(info);
		if (!bpf_obj_get_info_by_fd(fd, &info, &length))
			used += (size_t)snprintf(out + used, size - used, "%s'%s' (id %u)",
						 used ? ", " : "", info.name, info.id);
		close(fd);
	}
}

static int attach_cgroup(const struct bpf_program_row *row, int program, int cgroup_fd)
{
	char holders[256];
	int link;

	if (cgroup_fd < 0)
		return -ENODEV;
	link = bpf_link_create(program, cgroup_fd, row->type, NULL);
	if (link < 0 && errno == EPERM && !privilege_has(CAP_NET_ADMIN))
		return -ENODEV; /* privilege_report() has said it */
	if (link < 0 && errno == EPERM) {
		describe_holders(cgroup_fd, row->type, holders, sizeof(holders));
		return log_error(-EPERM,
				 "the root cgroup is held by %s, attached so that nobody else can "
				 "attach: have it attach with the flag BPF_F_ALLOW_MULTI",
				 holders);
	}
	return link < 0 ? -errno : link;
}

static int attach_iterator(const struct bpf_program_row *row, int program,
			   const struct bpf_set *set)
{
	union bpf_iter_link_info info = {};
	DECLARE_LIBBPF_OPTS(bpf_link_create_opts, options);
	int link, map;

	if (row->map) {
		map = bpf_set_map(set, row->map);
		if (map < 0)
			return -ENODEV;
		info.map.map_fd = (__u32)map;
		options.iter_info = &info;
		options.iter_info_len = sizeof(info);
	}
	link = bpf_link_create(program, 0, BPF_TRACE_ITER, &options);
	return link < 0 ? -errno : link;
}

static int attach(const struct bpf_program_row *row, int program, int cgroup_fd,
		  const struct bpf_set *set)
{
	int link;

	switch (row->attach) {
	case BPF_ATTACH_CGROUP:
		return attach_cgroup(row, program, cgroup_fd);
	case BPF_ATTACH_ITERATOR:
		return attach_iterator(row, program, set);
	default:
		link = bpf_raw_tracepoint_open(NULL, program);
		break;
	}
	return link < 0 ? -errno : link;
}

size_t bpf_attach_all(struct bpf_set *set, int cgroup_fd)
{
	const struct bpf_program_row *row;
	size_t i, failed = 0;
	int link;

	for (i = 0; i < bpf_program_count; i++) {
		row = &bpf_programs[i];
		if (!bpf_attach_makes_link(row->attach) || set->programs[i].program < 0 ||
		    set->programs[i].link >= 0)
			continue;
		link = attach(row, set->programs[i].program, cgroup_fd, set);
		set->programs[i].link = link < 0 ? -1 : link;
		if (link >= 0)
			continue;
		failed++;
		if (link != -ENODEV)
			log_error(link, "cannot attach program '%s': %s; missing without it: %s",
				  row->name, strerror(-link), row->lost);
	}
	return failed;
}
