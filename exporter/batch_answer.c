// SPDX-License-Identifier: Apache-2.0
/* What became of a request's events → status and JSON. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "batch.h"
#include "log.h"

#define JOURNAL_RETRY_SECONDS 5 /* the recorder tries again by itself about as often */

static const unsigned statuses[INTAKE_REFUSALS] = {
	[INTAKE_INVALID] = 400,	       [INTAKE_NOT_ALLOWED] = 403, [INTAKE_RATE_LIMITED] = 429,
	[INTAKE_TOO_LARGE] = 413,      [INTAKE_QUEUE_FULL] = 503,  [INTAKE_JOURNAL] = 503,
	[INTAKE_NOT_APPLICABLE] = 400,
};

struct tally {
	unsigned accepted, duplicates;
};

static struct event_error journal_error(void)
{
	struct event_error error = {.code = intake_refusals[INTAKE_JOURNAL]};

	snprintf(error.message, sizeof(error.message), "the journal cannot write: see /health");
	return error;
}

/* Takes the ticket's results over into the batch's refusals. */
static int collect(struct batch *batch, struct tally *tally)
{
	struct batch_refusal *grown;
	unsigned i;

	grown = realloc(batch->refused, (batch->refused_count + batch->count + 1) * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	batch->refused = grown;
	for (i = 0; i < batch->count; i++) {
		switch (batch->ticket.events[i].result) {
		case RECORD_STORED:
			tally->accepted++;
			continue;
		case RECORD_KNOWN:
			tally->duplicates++;
			continue;
		case RECORD_REFUSED:
			grown[batch->refused_count].error = batch->ticket.events[i].why;
			break;
		case RECORD_FAILED:
			grown[batch->refused_count].error = journal_error();
			break;
		}
		grown[batch->refused_count++].index = batch->indexes[i];
	}
	return 0;
}

static int by_index(const void *one, const void *other)
{
	const struct batch_refusal *left = one, *right = other;

	return (left->index > right->index) - (left->index < right->index);
}

/* Counts the refusals; returns the status when nothing was taken: the one that asks to come again
 * wins over the one that does not. */
static unsigned count_refusals(const struct batch *batch, struct intake *intake,
			       unsigned *ret_retry_after)
{
	unsigned status = 0, retry_after = batch->retry_after, i;
	enum intake_refusal reason;

	for (i = 0; i < batch->refused_count; i++) {
		reason = intake_reason(batch->refused[i].error.code);
		intake->refused[reason]++;
		if (statuses[reason] > status)
			status = statuses[reason];
		if (reason == INTAKE_QUEUE_FULL && retry_after < 1)
			retry_after = 1;
		if (reason == INTAKE_JOURNAL && retry_after < JOURNAL_RETRY_SECONDS)
			retry_after = JOURNAL_RETRY_SECONDS;
	}
	*ret_retry_after = retry_after;
	return status;
}

static void write_error(FILE *out, const struct batch_refusal *refusal)
{
	/* Each byte becomes at most the six of an escape. */
	char field[6 * sizeof(refusal->error.field)], message[6 * sizeof(refusal->error.message)];

	log_escape(refusal->error.field, field, sizeof(field));
	log_escape(refusal->error.message, message, sizeof(message));
	fprintf(out, "{\"code\":\"%s\",\"field\":\"%s\",\"message\":\"%s\",\"index\":%u}",
		refusal->error.code, field, message, refusal->index);
}

static void write_answer(FILE *out, const struct batch *batch, const struct tally *tally)
{
	bool taken = tally->accepted || tally->duplicates;
	unsigned i;

	fputc('{', out);
	if (batch->refused_count > 0 && !taken) {
		fputs("\"error\":", out);
		write_error(out, &batch->refused[0]);
	}
	if (batch->refused_count == 0 || !batch->single)
		fprintf(out, "%s\"accepted\":%u,\"duplicates\":%u",
			batch->refused_count > 0 && !taken ? "," : "", tally->accepted,
			tally->duplicates);
	if (batch->refused_count > 0 && !batch->single) {
		fprintf(out, ",\"refused\":%u,\"errors\":[", batch->refused_count);
		for (i = 0; i < batch->refused_count; i++) {
			if (i > 0)
				fputc(',', out);
			write_error(out, &batch->refused[i]);
		}
		fputc(']', out);
	}
	fputs("}\n", out);
}

int batch_answer(struct batch *batch, struct intake *intake, uint64_t now_boot_ns,
		 struct batch_answer *ret_answer)
{
	struct batch_answer answer = {.status = 200};
	struct tally tally = {0, 0};
	unsigned refused_status;
	FILE *out;
	int err;

	err = collect(batch, &tally);
	if (err)
		return err;
	if (batch->refused_count > 1)
		qsort(batch->refused, batch->refused_count, sizeof(*batch->refused), by_index);
	out = open_memstream(&answer.text, &answer.size);
	if (!out)
		return -ENOMEM;
	write_answer(out, batch, &tally);
	if (fclose(out)) {
		free(answer.text);
		return -ENOMEM;
	}
	refused_status = count_refusals(batch, intake, &answer.retry_after);
	if (tally.accepted || tally.duplicates)
		answer.status = batch->refused_count ? 207 : 200;
	else if (batch->refused_count)
		answer.status = refused_status;
	if (tally.accepted + tally.duplicates > 0)
		intake_took(intake,
			    now_boot_ns > batch->origin.boot_ns
				    ? now_boot_ns - batch->origin.boot_ns
				    : 0,
			    tally.accepted + tally.duplicates);
	*ret_answer = answer;
	return 0;
}
