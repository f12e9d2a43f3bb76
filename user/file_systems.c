// SPDX-License-Identifier: Apache-2.0
#include "file_systems.h"

#include <limits.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Disks and memory of this host, and what the kernel itself makes up. Of virtiofs it is the host of a
 * virtual machine that answers, as it does for its disks. Overlays are judged by their layers. */
static const char *const answering[] = {
	"ext4",	   "tmpfs",	"proc",	    "sysfs",	   "cgroup2",	 "nsfs",       "devtmpfs",
	"xfs",	   "btrfs",	"squashfs", "zfs",	   "vfat",	 "bpf",	       "devpts",
	"mqueue",  "hugetlbfs", "tracefs",  "debugfs",	   "securityfs", "configfs",   "pstore",
	"fusectl", "cgroup",	"efivarfs", "binfmt_misc", "selinuxfs",	 "rpc_pipefs", "ext2",
	"ext3",	   "bcachefs",	"f2fs",	    "erofs",	   "ramfs",	 "rootfs",     "virtiofs",
	"exfat",   "ntfs3",	"iso9660",  "udf",	   "cramfs",	 "romfs",      "jfs",
	"nilfs2",  "reiserfs",
};

static const char *const layers[] = {"lowerdir=", "lowerdir+=", "datadir+=", "upperdir="};

static bool is_overlay(const struct mount *mount)
{
	return mount_text_is(mount->type, "overlay");
}

static bool is_answering(const struct mount *mount)
{
	size_t i;

	for (i = 0; i < COUNT(answering); i++)
		if (mount_text_is(mount->type, answering[i]))
			return true;
	return false;
}

/* Whether one of the layers that this option names lies below the mount. A path that is not absolute was
 * meant from a directory which nothing tells. */
static bool is_option_below(const char *option, const char *end, const struct mount *mount)
{
	struct mount_text layer;
	char path[PATH_MAX];
	const char *stop;
	size_t i, length;

	for (i = 0; i < COUNT(layers); i++) {
		length = strlen(layers[i]);
		if ((size_t)(end - option) > length && !memcmp(option, layers[i], length))
			break;
	}
	if (i == COUNT(layers))
		return false;
	for (option += length; option < end; option = stop + 1) {
		stop = memchr(option, ':', (size_t)(end - option));
		if (!stop)
			stop = end;
		layer = (struct mount_text){option, (size_t)(stop - option)};
		if (mount_text_plain(layer, path, sizeof(path)) ||
		    (*path == '/' && mount_is_above(mount, path)))
			return true;
	}
	return false;
}

static bool is_layer_below(const struct mount *overlay, const struct mount *mount)
{
	const char *option = overlay->options.text, *end = option + overlay->options.length, *stop;

	for (; option < end; option = stop + 1) {
		stop = memchr(option, ',', (size_t)(end - option));
		if (!stop)
			stop = end;
		if (is_option_below(option, stop, mount))
			return true;
	}
	return false;
}

/* Whether it is of the file system that lies at "/". */
static bool is_hosts_root(const struct mount *mount, const char *mountinfo, enum mounts_of whose)
{
	struct mount other;
	bool is = false;

	while (whose == MOUNTS_OF_HOST && mountinfo_next(&mountinfo, &other))
		if (mount_text_is(other.point, "/"))
			is = other.device == mount->device;
	return is;
}

/* Layers that are overlays themselves are not followed: only root makes any of those that come here. */
static bool is_over_answering(const struct mount *overlay, const char *mountinfo,
			      enum mounts_of whose)
{
	const char *at = mountinfo;
	struct mount mount;

	/* A backslash: of a colon that divides nothing. */
	if (memmem(overlay->options.text, overlay->options.length, "\\134", 4))
		return false;
	while (mountinfo_next(&at, &mount))
		if (!is_answering(&mount) && !is_overlay(&mount) &&
		    is_layer_below(overlay, &mount) && !is_hosts_root(&mount, mountinfo, whose))
			return false;
	return true;
}

bool file_systems_answer(const struct mount *mount, const char *mountinfo, enum mounts_of whose)
{
	if (is_overlay(mount) && whose != MOUNTS_OF_ANYBODY &&
	    is_over_answering(mount, mountinfo, whose))
		return true;
	return is_answering(mount) || is_hosts_root(mount, mountinfo, whose);
}

bool file_systems_lead_to(const char *path, const char *mountinfo, enum mounts_of whose)
{
	const char *at = mountinfo;
	struct mount mount;

	while (mountinfo_next(&at, &mount))
		if (mount_is_above(&mount, path) && !file_systems_answer(&mount, mountinfo, whose))
			return false;
	return true;
}
