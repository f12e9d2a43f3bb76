// SPDX-License-Identifier: Apache-2.0
#include "tls_links.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* BPF_LINK_CREATE of a multi-uprobe, as include/uapi/linux/bpf.h has it since 6.6. */
struct multi_attr {
	uint32_t prog_fd;
	uint32_t target_fd;
	uint32_t attach_type;
	uint32_t flags;
	uint64_t path;
	uint64_t offsets;
	uint64_t ref_ctr_offsets;
	uint64_t cookies;
	uint32_t count;
	uint32_t multi_flags;
	uint32_t pid;
	uint32_t reserved;
};

/* The same for a perf event: since 5.15. */
struct perf_attr {
	uint32_t prog_fd;
	uint32_t target_fd;
	uint32_t attach_type;
	uint32_t flags;
	uint64_t cookie;
	uint64_t reserved[6];
};

enum {
	MULTI_RETURN = 1,	  /* BPF_F_UPROBE_MULTI_RETURN */
	MULTI_ATTACH_TYPE = 48,	  /* BPF_TRACE_UPROBE_MULTI */
	SESSION_ATTACH_TYPE = 57, /* BPF_TRACE_UPROBE_SESSION */
	PERF_ATTACH_TYPE = 41,	  /* BPF_PERF_EVENT */
};

/* A file by its descriptor: right also when it was replaced or lies in another mount namespace. */
static void path_of(int file, char *path, size_t size)
{
	snprintf(path, size, "/proc/self/fd/%d", file);
}

enum bpf_attach_type tls_links_attach_type(enum tls_probe_kind kind)
{
	static const int types[] = {
		[TLS_PROBE_SESSION] = SESSION_ATTACH_TYPE,
		[TLS_PROBE_MULTI] = MULTI_ATTACH_TYPE,
		[TLS_PROBE_PERF] = 0,
		[TLS_PROBE_LOCAL] = 0,
	};

	return (enum bpf_attach_type)types[kind];
}

enum tls_probe_kind tls_links_plain(enum tls_probe_kind kind)
{
	return kind == TLS_PROBE_SESSION ? TLS_PROBE_MULTI : kind;
}

static int create_multi(enum tls_probe_kind kind, int program, const struct tls_place *place,
			int *ret_probe)
{
	char path[32];
	struct multi_attr attr = {
		.prog_fd = (uint32_t)program,
		.attach_type = tls_links_attach_type(kind),
		.path = (uintptr_t)path,
		.offsets = (uintptr_t)&place->offset,
		.cookies = (uintptr_t)&place->cookie,
		.count = 1,
		.multi_flags = place->leave && kind == TLS_PROBE_MULTI ? MULTI_RETURN : 0,
		.pid = (uint32_t)place->pid,
	};
	long fd;

	path_of(place->file, path, sizeof(path));
	fd = syscall(SYS_bpf, BPF_LINK_CREATE, &attr, sizeof(attr));
	if (fd < 0)
		return -errno;
	*ret_probe = (int)fd;
	return 0;
}

/* A number in a one-line file of sysfs; `skip`: what stands before it. */
static int read_number(const char *path, const char *skip)
{
	char text[64] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got;

	if (fd < 0)
		return -errno;
	got = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (got <= 0 || strncmp(text, skip, strlen(skip)) != 0)
		return -EINVAL;
	return atoi(text + strlen(skip));
}

static int open_event(const struct tls_place *place)
{
	char path[32];
	struct perf_event_attr attr = {
		.size = sizeof(attr),
		.uprobe_path = (uintptr_t)path,
		.probe_offset = place->offset,
	};
	int type = read_number("/sys/bus/event_source/devices/uprobe/type", "");
	int bit = read_number("/sys/bus/event_source/devices/uprobe/format/retprobe", "config:");
	long fd;

	if (type < 0 || bit < 0 || bit > 63)
		return -ENOTSUP;
	attr.type = (uint32_t)type;
	if (place->leave)
		attr.config |= 1ULL << bit;
	path_of(place->file, path, sizeof(path));
	fd = syscall(SYS_perf_event_open, &attr, place->pid ? place->pid : -1, place->pid ? -1 : 0,
		     -1, PERF_FLAG_FD_CLOEXEC);
	return fd < 0 ? -errno : (int)fd;
}

static int create_perf(enum tls_probe_kind kind, int program, const struct tls_place *place,
		       int *ret_probe)
{
	struct perf_attr attr = {
		.prog_fd = (uint32_t)program,
		.attach_type = PERF_ATTACH_TYPE,
		.cookie = place->cookie,
	};
	int event = open_event(place), err = 0;
	long link = -1;

	if (event < 0)
		return event;
	if (kind == TLS_PROBE_PERF) {
		attr.target_fd = (uint32_t)event;
		link = syscall(SYS_bpf, BPF_LINK_CREATE, &attr, sizeof(attr));
		err = link < 0 ? -errno : 0;
	} else if (ioctl(event, PERF_EVENT_IOC_SET_BPF, program)) {
		err = -errno;
	}
	if (!err && ioctl(event, PERF_EVENT_IOC_ENABLE, 0))
		err = -errno;
	if (err && link >= 0)
		close((int)link);
	if (err || link >= 0)
		close(event); /* a link holds its event */
	if (!err)
		*ret_probe = link >= 0 ? (int)link : event;
	return err;
}

int tls_link_create(enum tls_probe_kind kind, int program, const struct tls_place *place,
		    int *ret_probe)
{
	if (tls_links_attach_type(kind))
		return create_multi(kind, program, place, ret_probe);
	return create_perf(kind, program, place, ret_probe);
}

/* A multi link wants its program loaded with its own attach type. */
int tls_links_empty_program(enum tls_probe_kind kind)
{
	struct bpf_insn code[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K},
		{.code = BPF_JMP | BPF_EXIT},
	};
	LIBBPF_OPTS(bpf_prog_load_opts, options);

	options.expected_attach_type = tls_links_attach_type(kind);
	return bpf_prog_load(BPF_PROG_TYPE_KPROBE, "og_tls_check", "GPL", code, 2, &options);
}

int tls_links_own_code(const void *code, uint64_t *ret_offset)
{
	unsigned long begin, end, offset, address = (uintptr_t)code;
	FILE *maps = fopen("/proc/self/maps", "re");
	char line[512];
	int err = -ENOENT;

	if (!maps)
		return -errno;
	while (err && fgets(line, sizeof(line), maps)) {
		if (sscanf(line, "%lx-%lx %*4s %lx", &begin, &end, &offset) != 3 ||
		    address < begin || address >= end)
			continue;
		*ret_offset = address - begin + offset;
		err = 0;
	}
	fclose(maps);
	return err;
}
