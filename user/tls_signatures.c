// SPDX-License-Identifier: Apache-2.0
#include "tls_signatures.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "config_reader.h"
#include "tls_anchors.h"
#include "tls_unwind.h"

#define FILES_MAX 1024 /* of one directory */
#define CODE_MIN  16   /* bytes that a function has at least */

#define HOSTS_DIRECTORY "/etc/operaglass/tls-signatures.d"

static const struct config_mark nowhere = {0, 0};

void tls_signatures_directories(const char *state_dir,
				struct tls_signature_directories *ret_directories)
{
	snprintf(ret_directories->state, sizeof(ret_directories->state), "%s/tls-signatures.d",
		 state_dir);
	ret_directories->list[0] = HOSTS_DIRECTORY;
	ret_directories->list[1] = ret_directories->state;
	ret_directories->list[2] = NULL;
}

/* What is done with each file; err: of reading it. Returns false to stop. */
typedef bool take_file(void *context, const char *path, int err,
		       const struct tls_signature *signature, const struct config_error *error);

static bool is_signature(const char *name)
{
	size_t length = strlen(name);

	return name[0] != '.' && length > 5 && !strcmp(name + length - 5, ".yaml");
}

static void walk_directory(const char *directory, take_file *take, void *context)
{
	struct tls_signature signature;
	struct config_error error;
	struct config_report report = {.error = &error};
	char path[PATH_MAX];
	struct dirent *entry;
	DIR *files = opendir(directory);
	int count = 0, file, err;
	bool trusted;

	if (!files)
		return;
	trusted = tls_signature_is_roots(dirfd(files), S_IFDIR);
	while (count <= FILES_MAX && (entry = readdir(files))) {
		if (!is_signature(entry->d_name) || snprintf(path, sizeof(path), "%s/%s", directory,
							     entry->d_name) >= (int)sizeof(path))
			continue;
		file = openat(dirfd(files), entry->d_name,
			      O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
		if (file < 0)
			continue;
		report.file_name = path;
		if (!trusted)
			err = config_fail(&report, nowhere,
					  "is refused: others than root may write its directory");
		else if (count == FILES_MAX)
			err = config_fail(&report, nowhere,
					  "is not read, nor is what comes after it: there are more "
					  "than %d in its directory",
					  FILES_MAX);
		else
			err = tls_signature_read(file, path, &signature, &error);
		close(file);
		count++;
		if (!take(context, path, err, &signature, &error))
			break;
	}
	closedir(files);
}

/* For one image. */
struct fitting {
	const struct tls_image *image;
	const char *file; /* path of the image */
	struct tls_signature *found;
	struct config_error *error;
	char first[PATH_MAX]; /* path of the one that fits */
	int result;
};

/* Whether what was found in a file with this build-id is in this one as well. */
static bool is_borne_out(const struct tls_image *image, const struct tls_signature *signature)
{
	struct tls_anchors anchors = {signature->offsets[0], signature->offsets[1], 0, 0};

	return !signature->searched || tls_anchors_fit(image, &anchors);
}

static bool names(const struct tls_signature *signature, const char *path)
{
	const char *base = strrchr(path, '/');

	if (base && !strchr(signature->file, '/'))
		path = base + 1;
	return signature->file[0] && !fnmatch(signature->file, path, 0);
}

/* It says that it is for this file, and is for another build of it: the first such is told of. */
static void note_misfit(struct fitting *fitting, const char *path,
			const struct tls_signature *signature)
{
	const struct config_report report = {.file_name = path, .error = fitting->error};

	if (names(signature, fitting->file) && !fitting->error->text[0])
		config_fail(&report, nowhere,
			    "is refused: it is for '%s' of the build %s, and this file %s%s",
			    signature->file, signature->build_id,
			    fitting->image->build_id[0] ? "is of the build "
							: "does not say its build",
			    fitting->image->build_id);
}

/* Remembers the one that fits; a second one makes both worthless, unless it is the observer's own. */
static bool take_fitting(void *context, const char *path, int err,
			 const struct tls_signature *signature, const struct config_error *error)
{
	struct fitting *fitting = context;
	const struct config_report report = {.file_name = path, .error = fitting->error};

	(void)error;
	if (err)
		return true;
	if (strcmp(signature->build_id, fitting->image->build_id) != 0) {
		note_misfit(fitting, path, signature);
		return true;
	}
	if ((!fitting->result && signature->searched) || !is_borne_out(fitting->image, signature))
		return true;
	if (fitting->result == -ENOENT || fitting->found->searched) {
		snprintf(fitting->first, sizeof(fitting->first), "%s", path);
		*fitting->found = *signature;
		fitting->result = 0;
		return true;
	}
	fitting->result = config_fail(
		&report, nowhere, "is for the same build as '%s': both refused", fitting->first);
	return false;
}

/* A probe in the middle of an instruction would ruin the program. */
static int check_code(const struct fitting *fitting)
{
	const struct config_report report = {.file_name = fitting->first, .error = fitting->error};
	const struct tls_function *functions = tls_stacks[TLS_STACK_BORINGSSL].functions;
	uint64_t offset, begin;
	size_t i;

	for (i = 0; i < TLS_STACK_FUNCTIONS_MAX; i++) {
		offset = fitting->found->offsets[i];
		if (offset && !tls_image_is_code(fitting->image, offset, CODE_MIN))
			return config_fail(&report, nowhere,
					   "is refused: %s at 0x%llx is outside of the "
					   "executable segments",
					   functions[i].symbol, (unsigned long long)offset);
		if (offset && !tls_unwind_begin(fitting->image, offset, &begin) && begin != offset)
			return config_fail(&report, nowhere,
					   "is refused: %s at 0x%llx is inside of a function "
					   "that begins at 0x%llx",
					   functions[i].symbol, (unsigned long long)offset,
					   (unsigned long long)begin);
	}
	return 0;
}

int tls_signatures_find(const char *const *directories, const struct tls_image *image,
			const char *path, struct tls_signature *ret_signature,
			struct config_error *ret_error)
{
	struct tls_signature found;
	struct fitting fitting = {.image = image,
				  .file = path,
				  .found = &found,
				  .error = ret_error,
				  .result = -ENOENT};

	ret_error->text[0] = '\0';
	for (; directories && *directories; directories++)
		walk_directory(*directories, take_fitting, &fitting);
	if (!fitting.result)
		fitting.result = check_code(&fitting);
	if (fitting.result)
		return fitting.result;
	/* An operator's that fits stands beside those for other builds of the file. */
	if (!found.searched)
		ret_error->text[0] = '\0';
	*ret_signature = found;
	return 0;
}

struct refusing {
	void (*refuse)(void *context, const char *reason);
	void *context;
};

static bool take_refused(void *context, const char *path, int err,
			 const struct tls_signature *signature, const struct config_error *error)
{
	struct refusing *refusing = context;

	(void)path;
	(void)signature;
	if (err)
		refusing->refuse(refusing->context, error->text);
	return true;
}

void tls_signatures_check(const char *const *directories,
			  void (*refuse)(void *context, const char *reason), void *context)
{
	struct refusing refusing = {refuse, context};

	for (; directories && *directories; directories++)
		walk_directory(*directories, take_refused, &refusing);
}

/* The observer's own. */
struct kept {
	size_t count;
	struct timespec oldest;
	char path[PATH_MAX]; /* of the oldest */
};

static bool take_kept(void *context, const char *path, int err,
		      const struct tls_signature *signature, const struct config_error *error)
{
	struct kept *kept = context;
	struct stat status;

	(void)error;
	if (err || !signature->searched || lstat(path, &status))
		return true;
	if (!kept->count++ || status.st_mtim.tv_sec < kept->oldest.tv_sec ||
	    (status.st_mtim.tv_sec == kept->oldest.tv_sec &&
	     status.st_mtim.tv_nsec < kept->oldest.tv_nsec)) {
		kept->oldest = status.st_mtim;
		snprintf(kept->path, sizeof(kept->path), "%s", path);
	}
	return true;
}

int tls_signatures_keep(const char *directory, const struct tls_signature *signature)
{
	struct kept kept = {};

	walk_directory(directory, take_kept, &kept);
	if (kept.count >= TLS_SIGNATURES_KEPT && unlink(kept.path))
		return -errno;
	return tls_signature_save(directory, signature);
}
