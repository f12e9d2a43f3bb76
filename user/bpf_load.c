// SPDX-License-Identifier: Apache-2.0
#include "bpf_load.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>
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

static int print_to_log(enum libbpf_print_level level, const char *format, va_list arguments)
	__attribute__((format(printf, 2, 0)));
static int print_to_log(enum libbpf_print_level level, const char *format, va_list arguments)
{
	char text[LOG_MESSAGE_SIZE];
	char *line, *next = text;

	(void)level;
	if (log_settings.level > LOG_LEVEL_DEBUG)
		return 0;
	vsnprintf(text, sizeof(text), format, arguments);
	while ((line = strsep(&next, "\n")))
		if (*line)
			log_debug(0, "%s", line);
	return 0;
}

void bpf_load_silence(void)
{
	libbpf_set_print(print_to_log);
}

static void size_map(struct bpf_map *map, const struct config_limits *limits)
{
	size_t i;

	for (i = 0; i < sizeof(sized_maps) / sizeof(sized_maps[0]); i++)
		if (!strcmp(bpf_map__name(map), sized_maps[i].map))
			bpf_map__set_max_entries(
				map, sized_maps[i].rows * *(const __u32 *)((const char *)limits +
									   sized_maps[i].limit));
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

/* Marks which maps are shared in shared[], by order in the object. */
static int prepare_maps(struct bpf_object *object, const struct config *config,
			const struct bpf_set *set, bool shared[BPF_MAPS_MAX])
{
	struct bpf_map *map;
	size_t i = 0;
	int code;

	bpf_object__for_each_map(map, object)
	{
		if (i == BPF_MAPS_MAX)
			return -ENOSPC;
		shared[i] = bpf_map__pin_path(map) != NULL;
		/* Pinning is bpf_pins.c's, when everything is loaded. */
		bpf_map__set_pin_path(map, NULL);
		size_map(map, &config->limits);
		code = shared[i++] ? share_map(map, set) : 0;
		if (code)
			return code;
	}
	return 0;
}

static bool is_refused(const struct bpf_refusals *refusals, int row)
{
	size_t i;

	for (i = 0; i < refusals->count; i++)
		if (refusals->rows[i].program == row)
			return true;
	return false;
}

/* Which programs of an object to load, instead of a catalogue row. */
enum {
	PROGRAMS_ALL = -1, /* that are not refused */
	PROGRAMS_NONE = -2,
};

static void choose_programs(struct bpf_object *object, const struct bpf_refusals *refusals,
			    int only)
{
	struct bpf_program *program;
	int row;

	bpf_object__for_each_program(program, object)
	{
		row = bpf_catalogue_find(bpf_program__name(program));
		bpf_program__set_autoload(program, row >= 0 && !is_refused(refusals, row) &&
							   (only == PROGRAMS_ALL || row == only));
	}
}

static int open_object(const struct bpf_object_row *row, const struct config *config,
		       const struct bpf_set *set, const struct bpf_refusals *refusals, int only,
		       bool shared[BPF_MAPS_MAX], struct bpf_object **ret_object)
{
	DECLARE_LIBBPF_OPTS(bpf_object_open_opts, options, .object_name = row->name);
	struct bpf_object *object;
	const void *bytes;
	size_t size;
	int code;

	bytes = row->bytes(&size);
	object = bpf_object__open_mem(bytes, size, &options);
	if (!object)
		return -errno;
	code = prepare_maps(object, config, set, shared);
	if (!code && row->prepare)
		code = row->prepare(object);
	if (code) {
		bpf_object__close(object);
		return code;
	}
	choose_programs(object, refusals, only);
	*ret_object = object;
	return 0;
}

/* Loads one program alone: the only answer to "does this kernel take it" that is always right. */
static int try_program(const struct bpf_object_row *row, const struct config *config,
		       const struct bpf_set *set, int program)
{
	struct bpf_refusals none = {.count = 0};
	bool shared[BPF_MAPS_MAX];
	struct bpf_object *object;
	int code;

	code = open_object(row, config, set, &none, program, shared, &object);
	if (code)
		return code;
	code = bpf_object__load(object);
	bpf_object__close(object);
	return code;
}

/* Adds every program of the object that does not load alone; returns how many there are. */
static size_t find_refused(const struct bpf_object_row *row, const struct config *config,
			   const struct bpf_set *set, struct bpf_refusals *refusals)
{
	size_t found = 0;
	int i, code;

	for (i = 0; i < (int)bpf_program_count; i++) {
		if (strcmp(bpf_programs[i].object, row->name) || is_refused(refusals, i))
			continue;
		code = try_program(row, config, set, i);
		if (!code)
			continue;
		refusals->rows[refusals->count++] = (struct bpf_refusal){i, code};
		found++;
	}
	return found;
}

static int duplicate(int fd, int *ret_fd)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);

	if (copy < 0)
		return -errno;
	*ret_fd = copy;
	return 0;
}

static int collect_maps(struct bpf_object *object, const bool shared[BPF_MAPS_MAX],
			struct bpf_set *set)
{
	struct bpf_map *map;
	int fd = -1, code;
	size_t i = 0;

	bpf_object__for_each_map(map, object)
	{
		if (!shared[i++] || bpf_set_map(set, bpf_map__name(map)) >= 0)
			continue;
		code = duplicate(bpf_map__fd(map), &fd);
		if (!code)
			code = bpf_set_add_map(set, bpf_map__name(map), fd);
		if (code)
			return code;
	}
	return 0;
}

/* Every program has its own place in the set: objects may be collected at the same time. */
static int collect_programs(struct bpf_object *object, struct bpf_set *set)
{
	struct bpf_program *program;
	int code, row;

	bpf_object__for_each_program(program, object)
	{
		row = bpf_catalogue_find(bpf_program__name(program));
		if (row < 0 || bpf_program__fd(program) < 0)
			continue;
		code = duplicate(bpf_program__fd(program), &set->programs[row].program);
		if (code)
			return code;
	}
	return 0;
}

static int create_maps(const struct bpf_object_row *row, const struct config *config,
		       struct bpf_set *set)
{
	struct bpf_refusals none = {.count = 0};
	bool shared[BPF_MAPS_MAX];
	struct bpf_object *object;
	int code;

	code = open_object(row, config, set, &none, PROGRAMS_NONE, shared, &object);
	if (code)
		return code;
	code = bpf_object__load(object);
	if (!code)
		code = collect_maps(object, shared, set);
	bpf_object__close(object);
	return code;
}

static int load_programs(const struct bpf_object_row *row, const struct config *config,
			 struct bpf_set *set, struct bpf_refusals *refusals)
{
	bool shared[BPF_MAPS_MAX], again = true;
	struct bpf_object *object;
	int code;

	for (;;) {
		code = open_object(row, config, set, refusals, PROGRAMS_ALL, shared, &object);
		if (code)
			return code;
		code = bpf_object__load(object);
		if (!code)
			code = collect_programs(object, set);
		bpf_object__close(object);
		if (!code || !again)
			return code;
		/* Every program loads alone: then it is not the programs. */
		if (find_refused(row, config, set, refusals) == 0)
			return code;
		again = false;
	}
}

struct work {
	const struct bpf_object_row *row;
	const struct config *config;
	struct bpf_set *set;
	struct bpf_refusals refusals;
	int *code;
	pthread_t thread;
	bool started;
};

static void *do_work(void *argument)
{
	struct work *work = argument;

	*work->code = load_programs(work->row, work->config, work->set, &work->refusals);
	return NULL;
}

/* One thread per object; the scheduler knows best how many run at once. */
void bpf_load_all(const struct config *config, struct bpf_set *set, struct bpf_refusals *refusals,
		  int ret_codes[BPF_OBJECTS_MAX])
{
	struct work work[BPF_OBJECTS_MAX];
	size_t i, k;

	for (i = 0; i < bpf_object_count; i++)
		ret_codes[i] = create_maps(&bpf_objects[i], config, set);
	for (i = 0; i < bpf_object_count; i++) {
		work[i] = (struct work){&bpf_objects[i], config, set,  {.count = 0},
					&ret_codes[i],	 0,	 false};
		if (ret_codes[i])
			continue;
		work[i].started = !pthread_create(&work[i].thread, NULL, do_work, &work[i]);
		if (!work[i].started)
			do_work(&work[i]);
	}
	for (i = 0; i < bpf_object_count; i++) {
		if (work[i].started)
			pthread_join(work[i].thread, NULL);
		for (k = 0; k < work[i].refusals.count; k++)
			refusals->rows[refusals->count++] = work[i].refusals.rows[k];
	}
	/* Types of the whole kernel were in memory, once per object. */
	malloc_trim(0);
}

/* FNV-1a: nobody has an interest in a collision here. */
static unsigned long long hash_add(unsigned long long hash, const void *bytes, size_t size)
{
	const unsigned char *at = bytes;

	while (size--)
		hash = (hash ^ *at++) * 1099511628211ULL;
	return hash;
}

unsigned long long bpf_load_hash(const struct config *config)
{
	unsigned long long hash = 14695981039346656037ULL;
	size_t i, size;
	const void *bytes;

	for (i = 0; i < bpf_object_count; i++) {
		bytes = bpf_objects[i].bytes(&size);
		hash = hash_add(hash, bytes, size);
	}
	hash = hash_add(hash, &config->limits, sizeof(config->limits));
	return hash_add(hash, &config->histograms, sizeof(config->histograms));
}
