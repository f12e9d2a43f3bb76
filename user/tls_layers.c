// SPDX-License-Identifier: Apache-2.0
#include "tls_layers.h"

#include <linux/magic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>

static int64_t ns_of(struct timespec time)
{
	return time.tv_sec * 1000000000LL + time.tv_nsec;
}

struct tls_layer tls_layer_of(int file)
{
	struct statfs system;
	struct stat status;

	if (fstatfs(file, &system) || system.f_type != OVERLAYFS_SUPER_MAGIC ||
	    fstat(file, &status))
		return (struct tls_layer){};
	return (struct tls_layer){
		.inode = status.st_ino,
		.size = (uint64_t)status.st_size,
		.modified_ns = ns_of(status.st_mtim),
		.changed_ns = ns_of(status.st_ctim),
	};
}

bool tls_layer_is_same(const struct tls_layer *one, const struct tls_layer *other)
{
	return one->inode && !memcmp(one, other, sizeof(*one));
}
