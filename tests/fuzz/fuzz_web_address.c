// SPDX-License-Identifier: Apache-2.0
/* Input: a value of --web.listen-address. What is accepted reads back as the same address. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "web_address.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct web_address address, again;
	char text[WEB_HOST_SIZE + 16], *input = malloc(size + 1);

	if (!input)
		return 0;
	memcpy(input, data, size);
	input[size] = '\0';
	if (!web_address_parse(input, &address)) {
		snprintf(text, sizeof(text), strchr(address.host, ':') ? "[%s]:%u" : "%s:%u",
			 address.host, address.port);
		/* Brackets around a name are not needed and do not come back. */
		if (!strchr(address.host, '[') && !strchr(address.host, ']') &&
		    (web_address_parse(text, &again) || strcmp(address.host, again.host) ||
		     address.port != again.port))
			abort();
	}
	free(input);
	return 0;
}
