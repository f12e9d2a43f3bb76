// SPDX-License-Identifier: Apache-2.0
/* Finding rows of the audit log. */
#include <errno.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "audit.h"
#include "journal_schema.h"

#define WORDS_SIZE 1024

/* One condition of the query: its SQL, and what is bound to it. */
struct condition {
	const char *sql;
	const char *text; /* NULL: the number */
	int64_t number;
	bool wanted;
};

#define CONDITIONS 6
#define SQL_SIZE   1024

/*
 * Words as the index takes them: each in quotes, so that nothing in them is an operator; a star after
 * a word stays. -EINVAL without a word, -E2BIG with too many.
 */
static int quote_words(const char *text, char out[WORDS_SIZE])
{
	size_t used = 0, length, i;
	bool prefix;

	while (*(text += strspn(text, " \t\n"))) {
		length = strcspn(text, " \t\n");
		prefix = length > 1 && text[length - 1] == '*';
		/* Every byte may become two; quotes, star, blank, NUL. */
		if (used + 2 * length + 5 > WORDS_SIZE)
			return -E2BIG;
		out[used++] = '"';
		for (i = 0; i < length - prefix; i++) {
			if (text[i] == '"')
				out[used++] = '"';
			out[used++] = text[i];
		}
		out[used++] = '"';
		if (prefix)
			out[used++] = '*';
		out[used++] = ' ';
		text += length;
	}
	out[used] = '\0';
	return used ? 0 : -EINVAL;
}

static void build(const struct condition *conditions, char sql[SQL_SIZE])
{
	size_t used;
	int i;

	used = (size_t)snprintf(
		sql, SQL_SIZE,
		"SELECT seq, time, actor, action, resource, details, hash FROM audit"
		" WHERE seq < ?8");
	/* The index of a condition is the number of its parameter; limit and page follow. */
	for (i = 0; i < CONDITIONS; i++)
		if (conditions[i].wanted)
			used += (size_t)snprintf(sql + used, SQL_SIZE - used, " AND %s",
						 conditions[i].sql);
	snprintf(sql + used, SQL_SIZE - used, " ORDER BY seq DESC LIMIT ?7");
}

static int bind(sqlite3_stmt *row, const struct condition *conditions,
		const struct audit_query *query)
{
	int i, result = sqlite3_bind_int64(row, CONDITIONS + 1, query->limit);

	if (result == SQLITE_OK)
		result = sqlite3_bind_int64(row, CONDITIONS + 2,
					    query->before_seq ? query->before_seq : INT64_MAX);
	for (i = 0; i < CONDITIONS && result == SQLITE_OK; i++) {
		if (!conditions[i].wanted)
			continue;
		if (conditions[i].text)
			result = sqlite3_bind_text(row, i + 1, conditions[i].text, -1,
						   SQLITE_STATIC);
		else
			result = sqlite3_bind_int64(row, i + 1, conditions[i].number);
	}
	return result;
}

static int give(sqlite3_stmt *row, int (*each)(void *context, const struct audit_entry *entry),
		void *context)
{
	struct audit_entry entry = {
		.link.seq = sqlite3_column_int64(row, 0),
		.row = {sqlite3_column_int64(row, 1), (const char *)sqlite3_column_text(row, 2),
			(const char *)sqlite3_column_text(row, 3),
			(const char *)sqlite3_column_text(row, 4),
			(const char *)sqlite3_column_text(row, 5)},
	};

	if (sqlite3_column_bytes(row, 6) == AUDIT_HASH_SIZE)
		memcpy(entry.link.hash, sqlite3_column_blob(row, 6), AUDIT_HASH_SIZE);
	return each(context, &entry);
}

#define TEXT_IS(column, number) "(" column " = " number " OR " column " GLOB " number ")"

int audit_search(sqlite3 *db, const struct audit_query *query,
		 int (*each)(void *context, const struct audit_entry *entry), void *context)
{
	char words[WORDS_SIZE] = "", sql[SQL_SIZE];
	const struct condition conditions[CONDITIONS] = {
		{"time >= ?1", NULL, query->since_us, query->since_us != 0},
		{"time < ?2", NULL, query->until_us, query->until_us != 0},
		{TEXT_IS("actor", "?3"), query->actor, 0, query->actor},
		{TEXT_IS("action", "?4"), query->action, 0, query->action},
		{TEXT_IS("resource", "?5"), query->resource, 0, query->resource},
		{"seq IN (SELECT rowid FROM audit_text WHERE audit_text MATCH ?6)", words, 0,
		 query->text},
	};
	sqlite3_stmt *row = NULL;
	int result, err = 0;

	if (query->text)
		err = quote_words(query->text, words);
	if (err)
		return err;
	build(conditions, sql);
	result = sqlite3_prepare_v2(db, sql, -1, &row, NULL);
	if (result == SQLITE_OK)
		result = bind(row, conditions, query);
	if (result == SQLITE_OK)
		while ((result = sqlite3_step(row)) == SQLITE_ROW)
			if (give(row, each, context))
				break;
	sqlite3_finalize(row);
	return journal_errno(result);
}
