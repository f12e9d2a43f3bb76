// SPDX-License-Identifier: Apache-2.0
/*
 * Input: an Accept or Accept-Encoding header. Naming OpenMetrics with the best quality at the end
 * of the list must win, whatever stands before it, unless that hides it in an open quote.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "web_accept.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char best[] = ",application/openmetrics-text";
	char *header = malloc(size + sizeof(best));

	if (!header)
		return 0;
	memcpy(header, data, size);
	header[size] = '\0';
	web_accept_format(header);
	web_accept_gzip(header);
	if (!memchr(data, '"', size)) {
		memcpy(header + strlen(header), best, sizeof(best));
		if (web_accept_format(header) != TEXT_OPENMETRICS)
			abort();
	}
	free(header);
	return 0;
}
