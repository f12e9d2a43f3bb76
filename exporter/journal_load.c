// SPDX-License-Identifier: Apache-2.0
/* Rows back to the accounts. */
#include <errno.h>

#include "journal_state.h"

typedef int load_row(struct accounts *accounts, sqlite3_stmt *row);

static const char *text(sqlite3_stmt *row, int column)
{
	const char *value = (const char *)sqlite3_column_text(row, column);

	return value ? value : "";
}

static int load_tally(struct accounts *accounts, sqlite3_stmt *row)
{
	const struct tally_row tally = {
		.family = text(row, 0),
		.labels = text(row, 1),
		.value = sqlite3_column_blob(row, 2),
		.value_size = (size_t)sqlite3_column_bytes(row, 2),
	};

	return accounts_load_tally(accounts, &tally);
}

/* Columns in the order of the table. */
static int load_approval(struct accounts *accounts, sqlite3_stmt *row)
{
	const struct approval_row approval = {
		.approval_id = text(row, 0),
		.session_id = text(row, 1),
		.tool = text(row, 2),
		.priority = text(row, 3),
		.reason = text(row, 4),
		.actor = text(row, 5),
		.agent_type = text(row, 6),
		.requested_us = sqlite3_column_int64(row, 7),
		.due_us = sqlite3_column_int64(row, 8),
		.decided_us = sqlite3_column_int64(row, 9),
		.requested_boot_ns = (uint64_t)sqlite3_column_int64(row, 10),
		.boot_epoch = (uint64_t)sqlite3_column_int64(row, 11),
		.root_start_ns = (uint64_t)sqlite3_column_int64(row, 12),
		.message_ns = (uint64_t)sqlite3_column_int64(row, 13),
		.pid = (uint32_t)sqlite3_column_int64(row, 14),
		.root = (uint32_t)sqlite3_column_int64(row, 15),
		.message_status = sqlite3_column_int(row, 16),
		.state = (uint8_t)sqlite3_column_int(row, 17),
		.automatic = (uint8_t)sqlite3_column_int(row, 18),
	};

	return accounts_load_approval(accounts, &approval);
}

static int load_value(struct accounts *accounts, sqlite3_stmt *row)
{
	return accounts_load_value(accounts, text(row, 0), text(row, 1));
}

static int load_all(struct journal *journal, struct accounts *accounts,
		    enum journal_statement statement, load_row *load, uint64_t *skipped)
{
	sqlite3_stmt *row;
	int found, err = 0;

	found = statement == LOAD_APPROVALS
			? journal_row(journal, statement, &row, "i", (int64_t)ACCOUNTS_DECIDED_MAX)
			: journal_row(journal, statement, &row, "");
	for (; found > 0 && !err; found = journal_next(journal, row)) {
		err = load(accounts, row);
		if (err == -EINVAL) {
			(*skipped)++;
			err = 0;
		}
	}
	journal_end(row);
	return err ? err : found;
}

int journal_load(struct journal *journal, struct accounts *accounts, uint64_t *ret_skipped)
{
	static const struct {
		enum journal_statement statement;
		load_row *load;
	} parts[] = {
		/* Named values hold declarations that tallies need. */
		{LOAD_VALUES, load_value},
		{LOAD_TALLIES, load_tally},
		{LOAD_APPROVALS, load_approval},
	};
	uint64_t skipped = 0;
	int err = 0;
	size_t i;

	for (i = 0; i < sizeof(parts) / sizeof(*parts) && !err; i++)
		err = load_all(journal, accounts, parts[i].statement, parts[i].load, &skipped);
	if (!err)
		*ret_skipped = skipped;
	return err;
}
