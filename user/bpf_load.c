// SPDX-License-Identifier: Apache-2.0
#include "bpf_load.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bpf_maps.h"
#include "log.h"
#include "privilege.h"

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

static bool is_refused(const struct bpf_refusals *refusals, int row)
{
	size_t i;

	for (i = 0; i < refusals->count; i++)
		if (refusals->rows[i].program == row)
			return true;
	return false;
}

enum {
	PROGRAMS_ALL = -1 /* that are not refused, instead of a catalogue row */
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

/* One object. */
struct work {
	const struct bpf_object_row *row;
	const struct config *config;
	struct bpf_set *set;
	struct bpf_object *object; /* opened, not loaded; NULL: not */
	enum bpf_variant variant;  /* of object */
	struct bpf_refusals refusals;
	int code;
};

static int open_object(struct work *work, enum bpf_variant variant, int only)
{
	DECLARE_LIBBPF_OPTS(bpf_object_open_opts, options, .object_name = work->row->name);
	struct bpf_object *object;
	const void *bytes;
	size_t size;
	int code;

	/* Types that the kernel lacks are looked for in its modules next, which is not allowed
	 * without CAP_SYS_ADMIN and fails; not so when it was said where the types are. */
	if (!privilege_has(CAP_SYS_ADMIN))
		options.btf_custom_path = BPF_LOAD_BTF;
	bytes = work->row->bytes[variant](&size);
	object = bpf_object__open_mem(bytes, size, &options);
	if (!object)
		return -errno;
	code = bpf_maps_prepare(object, work->config, work->set);
	if (code) {
		bpf_object__close(object);
		return code;
	}
	choose_programs(object, &work->refusals, only);
	work->object = object;
	work->variant = variant;
	return 0;
}

static void close_object(struct work *work)
{
	bpf_object__close(work->object);
	work->object = NULL;
}

static int load(struct work *work)
{
	int code = work->row->prepare ? work->row->prepare(work->object) : 0;

	return code ? code : bpf_object__load(work->object);
}

/* Loads one program alone: the only answer to "does this kernel take it" that is always right. */
static int try_program(struct work *work, int program)
{
	int code = open_object(work, BPF_VARIANT_OLD, program);

	if (code)
		return code;
	code = load(work);
	close_object(work);
	return code;
}

/* Adds every program of the object that does not load alone; returns how many there are. */
static size_t find_refused(struct work *work)
{
	struct bpf_refusals *refusals = &work->refusals;
	size_t found = 0;
	int i, code;

	for (i = 0; i < (int)bpf_program_count; i++) {
		if (strcmp(bpf_programs[i].object, work->row->name))
			continue;
		code = try_program(work, i);
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

static int load_object(struct work *work)
{
	int code = load(work);

	if (!code)
		code = collect_programs(work->object, work->set);
	close_object(work);
	return code;
}

static int open_and_load(struct work *work)
{
	int code = open_object(work, BPF_VARIANT_OLD, PROGRAMS_ALL);

	return code ? code : load_object(work);
}

/* The object as it was opened; else its other variant; else that without what is refused. */
static int load_programs(struct work *work)
{
	int code = load_object(work), refused = code;

	if (code && work->variant == BPF_VARIANT_QUICK) {
		code = open_and_load(work);
		/* This kernel has all that the others need: what only they can do is lost. */
		if (!code)
			log_warning(0,
				    "this kernel refuses the %s programs made for 5.17 and later: "
				    "%s; missing without them: %s (--log.level=debug shows the "
				    "verifier's words)",
				    work->row->name, strerror(-refused),
				    work->row->quick_only ? work->row->quick_only : "nothing");
	}
	if (code && find_refused(work) > 0)
		code = open_and_load(work);
	return code; /* every program loads alone: then it is not the programs */
}

struct crew {
	struct work work[BPF_OBJECTS_MAX];
	struct turn {
		size_t size;
		struct work *work;
	} turns[BPF_OBJECTS_MAX]; /* the largest first: nobody waits for it at the end */
	atomic_size_t next;	  /* turn that nobody does yet */
};

static void *work_off(void *argument)
{
	struct crew *crew = argument;
	struct work *work;
	size_t i;

	while ((i = atomic_fetch_add(&crew->next, 1)) < bpf_object_count) {
		work = crew->turns[i].work;
		if (!work->code)
			work->code = load_programs(work);
	}
	return NULL;
}

static int compare_turns(const void *one, const void *other)
{
	const struct turn *a = one, *b = other;

	return a->size > b->size ? -1 : a->size < b->size;
}

static void take_turns(struct crew *crew)
{
	size_t i;

	for (i = 0; i < bpf_object_count; i++) {
		crew->turns[i].work = &crew->work[i];
		crew->work[i].row->bytes[BPF_VARIANT_QUICK](&crew->turns[i].size);
	}
	qsort(crew->turns, bpf_object_count, sizeof(struct turn), compare_turns);
}

/* One thread per processor, this one among them. */
static void work_together(struct crew *crew)
{
	pthread_t threads[BPF_OBJECTS_MAX];
	size_t count = 0;
	cpu_set_t cpus;
	int wanted;

	wanted = sched_getaffinity(0, sizeof(cpus), &cpus) ? 1 : CPU_COUNT(&cpus);
	while ((int)count + 1 < wanted && count + 1 < bpf_object_count &&
	       !pthread_create(&threads[count], NULL, work_off, crew))
		count++;
	work_off(crew);
	while (count)
		pthread_join(threads[--count], NULL);
}

/*
 * libbpf reads the types of the whole kernel for each object, 6 MB and a copy of them: what one
 * object gives back shall serve the next one of the same thread, as fresh pages cost more than all
 * the parsing.
 */
static void keep_memory(void)
{
	mallopt(M_MMAP_THRESHOLD, 32 << 20); /* the largest that there is */
	mallopt(M_TRIM_THRESHOLD, 256 << 20);
}

static enum bpf_variant first_variant(void)
{
	return libbpf_probe_bpf_helper(BPF_PROG_TYPE_SOCKET_FILTER, BPF_FUNC_loop, NULL) == 1
		       ? BPF_VARIANT_QUICK
		       : BPF_VARIANT_OLD;
}

void bpf_load_all(const struct config *config, struct bpf_set *set, struct bpf_refusals *refusals,
		  int ret_codes[BPF_OBJECTS_MAX])
{
	enum bpf_variant variant = first_variant();
	static struct crew crew;
	struct work *work;
	size_t i, k;

	keep_memory();
	atomic_store(&crew.next, 0);
	for (i = 0; i < bpf_object_count; i++) {
		work = &crew.work[i];
		*work = (struct work){.row = &bpf_objects[i], .config = config, .set = set};
		work->code = open_object(work, variant, PROGRAMS_ALL);
	}
	take_turns(&crew);
	work_together(&crew);
	for (i = 0; i < bpf_object_count; i++) {
		work = &crew.work[i];
		ret_codes[i] = work->code;
		for (k = 0; k < work->refusals.count; k++)
			refusals->rows[refusals->count++] = work->refusals.rows[k];
	}
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
		bytes = bpf_objects[i].bytes[BPF_VARIANT_QUICK](&size);
		hash = hash_add(hash, bytes, size);
	}
	hash = hash_add(hash, &config->limits, sizeof(config->limits));
	return hash_add(hash, &config->histograms, sizeof(config->histograms));
}
