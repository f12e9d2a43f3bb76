// SPDX-License-Identifier: Apache-2.0
#include "bpf_maps.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "log.h"

/* Tables whose size the configuration decides. */
static const struct {
	const char *map;
	size_t limit;
	__u32 rows; /* for each unit of the limit */
} sized_maps[] = {
	{"processes", offsetof(struct config_limits, processes), 1},
	{"tools", offsetof(struct config_limits, tools), 1},
	{"connections", offsetof(struct config_limits, connections), 1},
	{"client_randoms", offsetof(struct config_limits, connections), 1},
	{"calls", offsetof(struct config_limits, connections), 1},
	{"endpoints", offsetof(struct config_limits, endpoints), 1},
	{"endpoint_facts", offsetof(struct config_limits, endpoints), 2}, /* unknown and other */
	{"requests", offsetof(struct config_limits, endpoints), 2},	  /* methods */
	{"failures", offsetof(struct config_limits, endpoints), 4},	  /* kinds */
	{"durations", offsetof(struct config_limits, endpoints), 4},	  /* statuses */
};

static void size_map(struct bpf_map *map, const struct config_limits *limits)
{
	size_t i;

	for (i = 0; i < sizeof(sized_maps) / sizeof(sized_maps[0]); i++)
		if (!strcmp(bpf_map__name(map), sized_maps[i].map))
			bpf_map__set_max_entries(
				map, sized_maps[i].rows * *(const __u32 *)((const char *)limits +
									   sized_maps[i].limit));
}

/* Where the types of the object's maps are, in the kernel; -1: it does not take them. */
static int load_types(const struct bpf_object *object)
{
	const struct btf *types = bpf_object__btf(object);
	const void *bytes;
	__u32 size;

	bytes = types ? btf__raw_data(types, &size) : NULL;
	return bytes ? bpf_btf_load(bytes, size, NULL) : -1;
}

/* By hand, as libbpf reads the types of the whole kernel whenever it loads an object: 9 ms. */
static int create_map(const struct bpf_map *map, int types, struct bpf_set *set)
{
	DECLARE_LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = bpf_map__map_flags(map));
	const char *name = bpf_map__name(map);
	int fd = -1;

	if (types >= 0) {
		options.btf_fd = (__u32)types;
		options.btf_key_type_id = bpf_map__btf_key_type_id(map);
		options.btf_value_type_id = bpf_map__btf_value_type_id(map);
		fd = bpf_map_create(bpf_map__type(map), name, bpf_map__key_size(map),
				    bpf_map__value_size(map), bpf_map__max_entries(map), &options);
	}
	if (fd < 0) { /* some kinds of maps have no types */
		options.btf_fd = 0;
		options.btf_key_type_id = 0;
		options.btf_value_type_id = 0;
		fd = bpf_map_create(bpf_map__type(map), name, bpf_map__key_size(map),
				    bpf_map__value_size(map), bpf_map__max_entries(map), &options);
	}
	return fd < 0 ? -errno : bpf_set_add_map(set, name, fd);
}

static int create_maps(struct bpf_object *object, struct bpf_set *set)
{
	struct bpf_map *map;
	int code = 0, types = -1;

	bpf_object__for_each_map(map, object)
	{
		if (!bpf_map__pin_path(map) || bpf_set_map(set, bpf_map__name(map)) >= 0)
			continue;
		if (types < 0)
			types = load_types(object);
		code = create_map(map, types, set);
		if (code)
			break;
	}
	if (types >= 0)
		close(types);
	return code;
}

/* Two objects that disagree on a shared map would corrupt it: refuse. */
static int share_map(struct bpf_map *map, const struct bpf_set *set)
{
	struct bpf_map_info info = {};
	__u32 size = sizeof(info);
	int fd = bpf_set_map(set, bpf_map__name(map));

	if (fd < 0)
		return 0;
	if (bpf_obj_get_info_by_fd(fd, &info, &size))
		return -errno;
	if (info.type != bpf_map__type(map) || info.key_size != bpf_map__key_size(map) ||
	    info.value_size != bpf_map__value_size(map))
		return log_error(-EINVAL,
				 "map '%s' differs between two objects: rebuild from clean",
				 bpf_map__name(map));
	return bpf_map__reuse_fd(map, fd);
}

/* Where pages have one size only, no program asks. */
static int tell_page_size(struct bpf_object *object)
{
	struct bpf_map *map = bpf_object__find_map_by_name(object, ".rodata.page");
	uint32_t bytes = (uint32_t)sysconf(_SC_PAGESIZE);

	return map ? bpf_map__set_initial_value(map, &bytes, sizeof(bytes)) : 0;
}

int bpf_maps_prepare(struct bpf_object *object, const struct config *config, struct bpf_set *set)
{
	struct bpf_map *map;
	int code;

	bpf_object__for_each_map(map, object) size_map(map, &config->limits);
	code = tell_page_size(object);
	if (!code)
		code = create_maps(object, set);
	bpf_object__for_each_map(map, object)
	{
		if (code || !bpf_map__pin_path(map))
			continue;
		/* Pinning is bpf_pins.c's, when everything is loaded. */
		bpf_map__set_pin_path(map, NULL);
		code = share_map(map, set);
	}
	return code;
}
