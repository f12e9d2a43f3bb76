// SPDX-License-Identifier: Apache-2.0
#include "kernel_reader.h"

#include <errno.h>
#include <stdlib.h>

struct kernel_reader {
	const struct handover *handover;
};

void kernel_reader_prepare(void)
{
}

int kernel_reader_open(struct kernel_reader **ret_reader, const struct handover *handover)
{
	struct kernel_reader *reader = calloc(1, sizeof(*reader));

	if (!reader)
		return -ENOMEM;
	reader->handover = handover;
	*ret_reader = reader;
	return 0;
}

int kernel_reader_read(struct kernel_reader *reader, struct model *model)
{
	const struct handover_item *item = NULL;

	while ((item = handover_next(reader->handover, HANDOVER_PROGRAM, item)))
		model_add(model, FAMILY_PROGRAM_ATTACHED, item->value, item->name);
	return 0;
}

void kernel_reader_close(struct kernel_reader *reader)
{
	free(reader);
}
