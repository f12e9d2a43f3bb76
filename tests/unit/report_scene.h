// SPDX-License-Identifier: Apache-2.0
/* A journal with rows on chosen days, and a report's JSON as values. */
#ifndef TESTS_REPORT_SCENE_H
#define TESTS_REPORT_SCENE_H

#include <jansson.h>

#include "journal_scene.h"
#include "../../exporter/report.h"

/* 2026-11-21 12:00:00 UTC */
#define SCENE_NOON   INT64_C(1795262400000000)
#define SCENE_DAY_US INT64_C(86400000000)
#define SCENE_SECOND UINT64_C(1000000000)

static struct journal *scene_journal;
static struct account_store scene_store;

static inline int report_begin(void **state)
{
	setenv("TZ", "UTC", 1);
	tzset();
	if (scene_begin(state) || journal_open(scene_directory, &scene_journal))
		return -1;
	scene_store = journal_store(scene_journal);
	return journal_begin(scene_journal);
}

static inline int report_end(void **state)
{
	journal_close(scene_journal);
	return scene_end(state);
}

/* What was added is in the file, and a group is open again. */
static inline void report_commit(void)
{
	assert_int_equal(journal_commit(scene_journal), 0);
	assert_int_equal(journal_begin(scene_journal), 0);
}

typedef int report_of(const char *path, const struct report_query *query, struct text *out);

/* The report as JSON, to be released by json_decref(). */
static inline json_t *report_json(report_of *report, const struct report_query *query)
{
	struct text text = {0};
	json_t *root;

	report_commit();
	assert_int_equal(report(scene_path(JOURNAL_FILE), query, &text), 0);
	root = json_loadb(text.data, text.size, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(root);
	text_release(&text);
	return root;
}

/* One value of `value` as the report writes it; what is not there is "(none)". */
static inline const char *report_text(const json_t *value, const char *key)
{
	static char texts[4][256];
	static unsigned next;
	char *text = texts[next++ % 4], *dump;

	dump = json_dumps(json_object_get(value, key),
			  JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(12));
	snprintf(text, sizeof(texts[0]), "%s", dump ? dump : "(none)");
	free(dump);
	return text;
}

#define assert_json(value, key, text) assert_string_equal(report_text(value, key), text)

#endif
