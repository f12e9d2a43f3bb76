// SPDX-License-Identifier: Apache-2.0
#include "bpf_pins.h"

#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "identity.skel.h"
#include "log.h"

static const char *const folders[] = {"links", BPF_PINS_TLS, "programs", "maps"};

static void path_of(char *path, const char *pin_path, const char *folder, const char *name)
{
	snprintf(path, PATH_MAX, "%s/%s%s%s", pin_path, folder, *name ? "/" : "", name);
}

enum bpf_pins_state bpf_pins_look(const char *pin_path, struct identity *ret_identity)
{
	struct identity identity;
	char path[PATH_MAX];
	__u32 zero = 0;
	bool any = false;
	int fd, code;
	size_t i;

	for (i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		path_of(path, pin_path, folders[i], "");
		any = any || !access(path, F_OK);
	}
	path_of(path, pin_path, "identity", "");
	fd = bpf_obj_get(path);
	if (fd < 0)
		return any ? BPF_PINS_BROKEN : BPF_PINS_NONE;
	code = bpf_map_lookup_elem(fd, &zero, &identity);
	close(fd);
	if (code || !any)
		return BPF_PINS_BROKEN;
	*ret_identity = identity;
	return BPF_PINS_WHOLE;
}

static int pin(int fd, const char *pin_path, const char *folder, const char *name)
{
	char path[PATH_MAX];

	path_of(path, pin_path, folder, name);
	if (!bpf_obj_pin(fd, path) || errno == EEXIST)
		return 0;
	return log_error(-errno, "cannot pin '%s': %s", path, strerror(errno));
}

int bpf_pins_save(const char *pin_path, const struct bpf_set *set)
{
	char path[PATH_MAX];
	int code = 0;
	size_t i;

	for (i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		path_of(path, pin_path, folders[i], "");
		if (mkdir(path, 0700) && errno != EEXIST)
			return log_error(-errno, "cannot create '%s': %s", path, strerror(errno));
	}
	for (i = 0; i < set->map_count && !code; i++)
		code = pin(set->maps[i].fd, pin_path, "maps", set->maps[i].name);
	for (i = 0; i < bpf_program_count && !code; i++) {
		if (set->programs[i].program >= 0)
			code = pin(set->programs[i].program, pin_path, "programs",
				   bpf_programs[i].name);
		if (!code && set->programs[i].link >= 0)
			code = pin(set->programs[i].link, pin_path, "links", bpf_programs[i].name);
	}
	return code;
}

static int open_maps(const char *pin_path, struct bpf_set *set)
{
	char path[PATH_MAX];
	struct dirent *entry;
	int code = 0, fd;
	DIR *directory;

	path_of(path, pin_path, "maps", "");
	directory = opendir(path);
	if (!directory)
		return -errno;
	while (!code && (entry = readdir(directory))) {
		if (entry->d_name[0] == '.')
			continue;
		path_of(path, pin_path, "maps", entry->d_name);
		fd = bpf_obj_get(path);
		code = fd < 0 ? -errno : bpf_set_add_map(set, entry->d_name, fd);
	}
	closedir(directory);
	return code;
}

/* -1 when it is not pinned: the caller sees what is missing. */
static int open_pin(const char *pin_path, const char *folder, const char *name)
{
	char path[PATH_MAX];

	path_of(path, pin_path, folder, name);
	return bpf_obj_get(path);
}

int bpf_pins_open(const char *pin_path, struct bpf_set *set)
{
	int code = open_maps(pin_path, set);
	size_t i;

	if (code)
		return code;
	for (i = 0; i < bpf_program_count; i++) {
		set->programs[i].program = open_pin(pin_path, "programs", bpf_programs[i].name);
		set->programs[i].link = open_pin(pin_path, "links", bpf_programs[i].name);
	}
	return 0;
}

/* A cgroup program goes at once; of other links the last descriptor decides. */
static void detach(const char *path)
{
	int fd = bpf_obj_get(path);

	if (fd < 0)
		return;
	bpf_link_detach(fd);
	close(fd);
}

static int remove_folder(const char *pin_path, const char *folder, size_t *ret_count)
{
	bool links = strcmp(folder, "links") == 0;
	char path[PATH_MAX], at[PATH_MAX];
	struct dirent *entry;
	DIR *directory;
	size_t count = 0;
	int code = 0;

	path_of(path, pin_path, folder, "");
	directory = opendir(path);
	if (!directory)
		return errno == ENOENT ? 0 : -errno;
	while ((entry = readdir(directory))) {
		if (entry->d_name[0] == '.')
			continue;
		path_of(at, pin_path, folder, entry->d_name);
		if (links)
			detach(at);
		if (unlink(at))
			code = -errno;
		count++;
	}
	closedir(directory);
	if (rmdir(path))
		code = code ? code : -errno;
	*ret_count = count;
	return code;
}

int bpf_pins_remove(const char *pin_path, size_t *ret_count)
{
	size_t i, count = 0, programs = 0;
	char path[PATH_MAX];
	int code = 0, one;

	path_of(path, pin_path, "identity", "");
	if (unlink(path) && errno != ENOENT)
		code = -errno;
	for (i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		count = 0;
		one = remove_folder(pin_path, folders[i], &count);
		code = code ? code : one;
		if (!strcmp(folders[i], "programs"))
			programs = count;
	}
	if (!code)
		*ret_count = programs;
	return code;
}

int bpf_pins_seal(const char *pin_path, const struct identity *identity)
{
	struct bpf_object *object;
	char path[PATH_MAX];
	const void *bytes;
	__u32 zero = 0;
	int fd, code;
	size_t size;

	bytes = identity_bpf__elf_bytes(&size);
	object = bpf_object__open_mem(bytes, size, NULL);
	code = object ? bpf_object__load(object) : -errno;
	fd = code ? -1 : bpf_object__find_map_fd_by_name(object, "identity");
	path_of(path, pin_path, "identity", "");
	if (fd >= 0 && (bpf_map_update_elem(fd, &zero, identity, BPF_ANY) || bpf_obj_pin(fd, path)))
		code = -errno;
	bpf_object__close(object);
	return code ? log_error(code, "cannot pin '%s': %s", path, strerror(-code)) : 0;
}
