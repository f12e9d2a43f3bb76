// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "audit.h"
#include "journal_scene.h"
#include "journal_tool.h"
#include "log.h"
#include "retention.h"

#define ROWS	  10
#define SECOND_US INT64_C(1000000)
#define BEGIN_US  (INT64_C(1767225600) * SECOND_US) /* 2026-01-01 */

#define TEST(sentence, function)                                 \
	{                                                        \
		sentence, function, scene_begin, scene_end, NULL \
	}

/* Rows one second apart: actor a0…, action approval.accepted and agent.start in turn. */
static void fill(unsigned rows)
{
	char actor[16], resource[16], details[64];
	struct audit_row row = {0, actor, NULL, resource, details};
	struct journal *journal;
	unsigned i;

	assert_int_equal(journal_open(scene_directory, &journal), 0);
	assert_int_equal(journal_begin(journal), 0);
	for (i = 0; i < rows; i++) {
		snprintf(actor, sizeof(actor), "a%u", i);
		snprintf(resource, sizeof(resource), "r-%u", i);
		snprintf(details, sizeof(details), "{\"note\":\"word%u common\"}", i);
		row.time_us = BEGIN_US + i * SECOND_US;
		row.action = i % 2 ? "agent.start" : "approval.accepted";
		assert_int_equal(audit_append(journal, &row), 0);
	}
	assert_int_equal(journal_commit(journal), 0);
	journal_close(journal);
}

static int verify(struct audit_report *report)
{
	sqlite3 *db;
	int err;

	assert_int_equal(journal_open_reader(scene_path(JOURNAL_FILE), &db), 0);
	err = audit_verify(db, report);
	sqlite3_close_v2(db);
	return err;
}

static void test_hash(void **state)
{
	const struct audit_row row = {1, "ann", "try", "it", "x"},
			       moved = {1, "an", "ntry", "it", "x"};
	uint8_t previous[AUDIT_HASH_SIZE] = {0}, one[AUDIT_HASH_SIZE], other[AUDIT_HASH_SIZE];
	char hex[AUDIT_HEX_SIZE];

	(void)state;
	audit_hash(previous, 1, &row, one);
	audit_hex(one, hex);
	/* sha256 of 32 zeros, then 8-byte numbers 1, 1, and each text after its length in 8 bytes. */
	assert_string_equal(hex,
			    "44183a4d40d402a85f73fa78828aafefc98f94d6dc2eeefa1e880e542ace77e5");
	audit_hash(previous, 1, &moved, other);
	assert_memory_not_equal(one, other, sizeof(one));
}

static void test_tampering(void **state)
{
	static const struct {
		const char *sql;
		int64_t bad_seq;
		const char *why;
	} cases[] = {
		{"UPDATE audit SET details = '{}' WHERE seq = 4", 4, "row 4 was changed"},
		{"UPDATE audit SET actor = 'eve' WHERE seq = 1", 1, "row 1 was changed"},
		{"UPDATE audit SET time = time + 1 WHERE seq = 10", 10, "row 10 was changed"},
		{"DELETE FROM audit WHERE seq = 5", 5, "row 5 is missing: row 6 comes next"},
		{"DELETE FROM audit WHERE seq = 1", 1, "row 1 is missing: row 2 comes next"},
		{"DELETE FROM audit WHERE seq > 8", 9, "rows 9 to 10 were cut off at the end"},
		{"UPDATE audit SET seq = 99 WHERE seq = 3; UPDATE audit SET seq = 3 WHERE seq = 7;"
		 "UPDATE audit SET seq = 7 WHERE seq = 99",
		 3, "row 3 does not continue row 2: one of them was moved or replaced"},
		{"DELETE FROM audit WHERE seq <= 3; INSERT INTO audit_ends SELECT 'checkpoint', 3,"
		 " previous FROM audit WHERE seq = 4",
		 4, "no row of the chain says that the rows up to 3 were removed"},
		{"DELETE FROM audit_ends", 10, "the end of the chain is not noted"},
		{"UPDATE audit SET hash = x'00' WHERE seq = 2", 2, "row 2 holds no hash"},
	};
	struct audit_report report;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		scratch_remove(scene_directory);
		fill(ROWS);
		assert_int_equal(verify(&report), 0);
		assert_int_equal(report.rows, ROWS);
		assert_int_equal(scene_tamper(cases[i].sql), 0);
		assert_int_equal(verify(&report), -EBADMSG);
		assert_string_equal(report.why, cases[i].why);
		assert_int_equal(report.bad_seq, cases[i].bad_seq);
	}
}

static void test_retention(void **state)
{
	/* Rows before the 100th second are old. */
	const struct retention keep = {.age_ns = UINT64_C(3600) * 1000000000};
	const int64_t now = BEGIN_US + (100 + 3600) * SECOND_US;
	struct retention_result result;
	struct audit_report report;
	struct journal *journal;

	(void)state;
	fill(200);
	assert_int_equal(journal_open(scene_directory, &journal), 0);
	assert_int_equal(retention_step(journal, &keep, now, &result), 0);
	assert_int_equal(result.audit_rows, 100);
	/* Too few to be worth a row that says so. */
	assert_int_equal(retention_step(journal, &keep, now + 10 * SECOND_US, &result), 0);
	assert_int_equal(result.audit_rows, 0);
	assert_int_equal(retention_step(journal, &keep, now + 80 * SECOND_US, &result), 0);
	assert_int_equal(result.audit_rows, 80);
	journal_close(journal);
	assert_int_equal(verify(&report), 0);
	assert_int_equal(report.rows, 22);
	assert_int_equal(scene_query("SELECT min(seq) FROM audit"), 181);
	assert_int_equal(
		scene_query("SELECT count(*) FROM audit_text WHERE audit_text MATCH 'word5'"), 0);
	assert_int_equal(scene_tamper("DELETE FROM audit WHERE seq = 181"), 0);
	assert_int_equal(verify(&report), -EBADMSG);
	assert_int_equal(report.bad_seq, 181);
}

struct found {
	unsigned count;
	int64_t seqs[ROWS];
};

static int note(void *context, const struct audit_entry *entry)
{
	struct found *found = context;

	found->seqs[found->count++] = entry->link.seq;
	return 0;
}

static void test_search(void **state)
{
	static const struct {
		struct audit_query query;
		unsigned count;
		int64_t first;
	} cases[] = {
		{{.limit = 10}, 10, 10},
		{{.limit = 3}, 3, 10},
		{{.limit = 3, .before_seq = 8}, 3, 7},
		{{.limit = 10, .since_us = BEGIN_US + 7 * SECOND_US}, 3, 10},
		{{.limit = 10, .until_us = BEGIN_US + 7 * SECOND_US}, 7, 7},
		{{.limit = 10, .actor = "a3"}, 1, 4},
		{{.limit = 10, .actor = "a"}, 0, 0},
		{{.limit = 10, .action = "approval.*"}, 5, 9},
		{{.limit = 10, .action = "agent.start", .resource = "r-9"}, 1, 10},
		{{.limit = 10, .text = "common"}, 10, 10},
		{{.limit = 10, .text = "word4 common"}, 1, 5},
		{{.limit = 10, .text = "wor*"}, 10, 10},
		{{.limit = 10, .text = "wor"}, 0, 0},
		{{.limit = 10, .text = "word4 OR word5"}, 0, 0},
		{{.limit = 10, .text = "\"word4"}, 1, 5},
		{{.limit = 10, .text = "start", .actor = "a1"}, 1, 2},
	};
	const struct audit_query empty = {.limit = 1, .text = "  "};
	struct found found;
	sqlite3 *db;
	size_t i;

	(void)state;
	fill(ROWS);
	assert_int_equal(journal_open_reader(scene_path(JOURNAL_FILE), &db), 0);
	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		memset(&found, 0, sizeof(found));
		assert_int_equal(audit_search(db, &cases[i].query, note, &found), 0);
		assert_int_equal(found.count, cases[i].count);
		assert_int_equal(found.seqs[0], cases[i].first);
	}
	assert_int_equal(audit_search(db, &empty, note, &found), -EINVAL);
	sqlite3_close_v2(db);
}

/* Runs `operaglass audit` on STATE = the scene's directory, whose journal is one below. */
static int command(const char *verb, const char *option)
{
	char word[16], state_option[96], more[64];
	char *arguments[] = {word, state_option, more, NULL};

	snprintf(word, sizeof(word), "%s", verb);
	snprintf(state_option, sizeof(state_option), "--state.dir=%s", scene_directory);
	snprintf(more, sizeof(more), "%s", option ? option : "");
	return audit_main(option ? 3 : 2, arguments);
}

static void test_command(void **state)
{
	char outer[SCRATCH_SIZE];
	char no_option[] = "frobnicate", *wrong[] = {no_option, NULL};

	(void)state;
	strcpy(outer, scene_directory);
	assert_int_equal(command("verify", NULL), 1);
	snprintf(scene_directory, sizeof(scene_directory), "%.55s/journal", outer);
	fill(ROWS);
	strcpy(scene_directory, outer);
	assert_int_equal(command("verify", NULL), 0);
	assert_int_equal(command("search", "--actor=a1"), 0);
	assert_int_equal(command("search", "--json"), 0);
	assert_int_equal(command("search", "--actor=nobody"), 1);
	assert_int_equal(command("search", "--since=2025-12-31"), 0);
	assert_int_equal(command("search", "--until=2025-12-31T00:00:00Z"), 1);
	assert_int_equal(command("search", "--since=yesterday"), 2);
	assert_int_equal(command("search", "--limit=0"), 2);
	assert_int_equal(command("search", "--text= "), 2);
	assert_int_equal(command("search", "--frobnicate"), 2);
	assert_int_equal(command("verify", "--actor=a1"), 2);
	assert_int_equal(audit_main(1, wrong), 2);
	assert_int_equal(audit_main(0, wrong + 1), 2);
	snprintf(scene_directory, sizeof(scene_directory), "%.55s/journal", outer);
	assert_int_equal(scene_tamper("UPDATE audit SET actor = 'eve' WHERE seq = 2"), 0);
	strcpy(scene_directory, outer);
	assert_int_equal(command("verify", NULL), 1);
}

#define OWNER 65534 /* whoever the journal's directory belongs to */
#define OTHER 65533

/* What a command sees of scene_directory, in a process of its own: it may become another user. */
static int look(int *ret_err, uid_t *ret_user)
{
	struct {
		int err;
		uid_t user;
	} seen = {0, 0};
	char path[PATH_MAX];
	int ends[2], status;
	pid_t pid;

	assert_int_equal(pipe(ends), 0);
	pid = fork();
	if (pid == 0) {
		seen.err = journal_tool_path(scene_directory, path);
		seen.user = geteuid();
		_exit(write(ends[1], &seen, sizeof(seen)) != sizeof(seen));
	}
	close(ends[1]);
	assert_int_equal(read(ends[0], &seen, sizeof(seen)), sizeof(seen));
	close(ends[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	*ret_err = seen.err;
	*ret_user = seen.user;
	return status;
}

static void put_file(const char *path, uid_t owner)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	close(fd);
	if (geteuid() == 0)
		assert_int_equal(chown(path, owner, owner), 0);
}

static void test_led_astray(void **state)
{
	char directory[96], file[128], elsewhere[96];
	const bool root = geteuid() == 0;
	uid_t user;
	int err;

	(void)state;
	snprintf(directory, sizeof(directory), "%s/journal", scene_directory);
	snprintf(file, sizeof(file), "%s/" JOURNAL_FILE, directory);
	snprintf(elsewhere, sizeof(elsewhere), "%s/elsewhere", scene_directory);
	assert_int_equal(mkdir(directory, 0700), 0);
	put_file(elsewhere, 0);
	if (root)
		assert_int_equal(chown(directory, OWNER, OWNER), 0);

	assert_int_equal(symlink(elsewhere, file), 0);
	assert_int_equal(look(&err, &user), 0);
	assert_int_equal(err, -ELOOP);
	assert_int_equal(unlink(file), 0);
	assert_int_equal(link(elsewhere, file), 0);
	assert_int_equal(look(&err, &user), 0);
	assert_int_equal(err, -ELOOP);
	assert_int_equal(unlink(file), 0);

	put_file(file, OTHER);
	assert_int_equal(look(&err, &user), 0);
	assert_int_equal(err, 0);
	assert_int_equal(user, root ? OWNER : geteuid());
	if (root) {
		assert_int_equal(chown(directory, 0, OWNER), 0);
		assert_int_equal(chmod(directory, 0770), 0);
		assert_int_equal(look(&err, &user), 0);
		assert_int_equal(user, OTHER);
		assert_int_equal(chown(file, 0, 0), 0);
		assert_int_equal(look(&err, &user), 0);
		assert_int_equal(err, -EPERM);
	}
	assert_int_equal(unlink(file), 0);
	assert_int_equal(rmdir(directory), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST("a row's hash is the SHA-256 of what was before and of its fields with lengths",
		     test_hash),
		TEST("changed, missing, swapped and cut rows are found, and the first one is named",
		     test_tampering),
		TEST("what retention removes leaves a chain that is whole", test_retention),
		TEST("rows are found by time, names, words and pages", test_search),
		TEST("the command says by its exit code: found, not found or broken, wrong usage",
		     test_command),
		TEST("whoever owns the journal's directory leads no command to another file or user",
		     test_led_astray),
	};

	log_settings.level = LOG_LEVELS;
	setenv("TZ", "UTC", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
