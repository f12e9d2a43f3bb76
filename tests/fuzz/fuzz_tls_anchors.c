// SPDX-License-Identifier: Apache-2.0
/* Any code, and any read-only data before it: what is found as BoringSSL's functions lies in it. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../boringssl_image.h"
#include "tls_anchors.h"
#include "tls_shape.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_shape(const uint8_t *data, size_t size)
{
	struct tls_shape_error error;
	struct tls_shape shape;

	if (!tls_shape_of(data, size, 0x301000, &shape) &&
	    (!shape.size || shape.size > size || shape.error_count > TLS_SHAPE_ERRORS_MAX))
		abort();
	tls_shape_error_at(data, size, 0x301000, &error);
}

static void check_search(const struct tls_image *image, const uint8_t *data, size_t size)
{
	struct tls_anchors found, again;
	const char *why = NULL;

	if (tls_anchors_find(image, data, &found, &why)) {
		if (!why)
			abort();
		return;
	}
	again = (struct tls_anchors){.write = found.write, .read = found.read};
	if (found.write >= size || found.write_size > size - found.write || found.read >= size ||
	    found.read_size > size - found.read || found.write == found.read)
		abort();
	if (tls_anchors_fit(image, &again) && memcmp(&again, &found, sizeof(found)) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int file = -1;
	struct tls_image image = boringssl_outline();

	if (size <= IMAGE_TEXTS)
		return 0;
	check_shape(data + IMAGE_TEXTS, size - IMAGE_TEXTS);
	if (file < 0)
		file = memfd_create("fuzz_tls_anchors", MFD_CLOEXEC);
	if (file < 0 || ftruncate(file, 0) || pwrite(file, data, size, 0) != (ssize_t)size)
		return 0;
	image.file = file;
	image.size = size;
	image.segments[1].p_filesz = size; /* more than there is */
	check_search(&image, data, size);
	return 0;
}
