// SPDX-License-Identifier: Apache-2.0
#include "tls_pins.h"

#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void tls_pin_name(const struct tls_pin *pin, char name[TLS_PIN_NAME_SIZE])
{
	snprintf(name, TLS_PIN_NAME_SIZE, "uprobe_%" PRIx64 "_%" PRIx64 "_%x_%x_%x_%x",
		 (uint64_t)pin->device, (uint64_t)pin->inode, pin->slot, pin->stack, pin->probes,
		 pin->number);
}

bool tls_pin_parse(const char *name, struct tls_pin *ret_pin)
{
	char again[TLS_PIN_NAME_SIZE];
	uint64_t device, inode;
	struct tls_pin pin;

	if (sscanf(name, "uprobe_%" SCNx64 "_%" SCNx64 "_%x_%x_%x_%x", &device, &inode, &pin.slot,
		   &pin.stack, &pin.probes, &pin.number) != 6)
		return false;
	pin.device = device;
	pin.inode = inode;
	tls_pin_name(&pin, again);
	if (strcmp(again, name) != 0)
		return false;
	*ret_pin = pin;
	return true;
}

static int path_of(const char *directory, const struct tls_pin *pin, char path[PATH_MAX])
{
	char name[TLS_PIN_NAME_SIZE];

	tls_pin_name(pin, name);
	return snprintf(path, PATH_MAX, "%s/%s", directory, name) < PATH_MAX ? 0 : -ENAMETOOLONG;
}

int tls_pin_save(const char *directory, const struct tls_pin *pin, int probe)
{
	char path[PATH_MAX];
	int err = path_of(directory, pin, path);

	if (!err && mkdir(directory, 0700) && errno != EEXIST)
		err = -errno;
	return err ? err : bpf_obj_pin(probe, path);
}

int tls_pin_remove(const char *directory, const struct tls_pin *pin)
{
	char path[PATH_MAX];
	int err = path_of(directory, pin, path);

	return err ? err : unlink(path) ? -errno : 0;
}

int tls_pin_list(const char *directory, void (*take)(void *context, const struct tls_pin *pin),
		 void *context)
{
	DIR *pins = opendir(directory);
	struct dirent *entry;
	struct tls_pin pin;

	if (!pins)
		return errno == ENOENT ? 0 : -errno;
	while ((entry = readdir(pins)))
		if (tls_pin_parse(entry->d_name, &pin))
			take(context, &pin);
	closedir(pins);
	return 0;
}
