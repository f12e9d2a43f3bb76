// SPDX-License-Identifier: Apache-2.0
/* Any bytes are a signature that can be used, or are refused in one printable line. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tls_signatures.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tls_signature signature;
	struct config_error error;
	const char *at;

	if (tls_signature_parse((const char *)data, size, "fuzz.yaml", &signature, &error)) {
		if (!memchr(error.text, '\0', sizeof(error.text)) || !error.text[0])
			abort();
		for (at = error.text; *at; at++)
			if (*at < ' ' || *at == 0x7f)
				abort();
		return 0;
	}
	if (strlen(signature.build_id) < 16 || strlen(signature.build_id) % 2 ||
	    !(signature.offsets[0] || signature.offsets[2]) ||
	    !(signature.offsets[1] || signature.offsets[3]))
		abort();
	return 0;
}
