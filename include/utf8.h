// SPDX-License-Identifier: Apache-2.0
/* Which bytes are UTF-8. Shared by the log and the model, so that nothing else ever leaves a
 * process. */
#ifndef OPERAGLASS_UTF8_H
#define OPERAGLASS_UTF8_H

#include <stddef.h>

#define UTF8_REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

/* Bytes of the character at `text` (1 to 4), or 0 when it is not well-formed (RFC 3629: no
 * surrogates, no overlong forms, nothing above U+10FFFF) or is cut off by `size`. */
static inline size_t utf8_length(const unsigned char *text, size_t size)
{
	unsigned char low = 0x80, high = 0xbf;
	size_t length, i;

	if (size == 0)
		return 0;
	if (text[0] < 0x80)
		return 1;
	if (text[0] < 0xc2 || text[0] > 0xf4)
		return 0;
	length = text[0] < 0xe0 ? 2 : text[0] < 0xf0 ? 3 : 4;
	if (text[0] == 0xe0)
		low = 0xa0;
	else if (text[0] == 0xed)
		high = 0x9f;
	else if (text[0] == 0xf0)
		low = 0x90;
	else if (text[0] == 0xf4)
		high = 0x8f;
	if (size < length || text[1] < low || text[1] > high)
		return 0;
	for (i = 2; i < length; i++)
		if ((text[i] & 0xc0) != 0x80)
			return 0;
	return length;
}

#endif
