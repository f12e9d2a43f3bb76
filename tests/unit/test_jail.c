// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "jail.h"

#define TEST(sentence, function)                     \
	{                                            \
		sentence, function, NULL, NULL, NULL \
	}
#define REFUSED 7 /* exit code of a child that got no filter */
#define UNBOUND 8 /* of one that was jailed with more than that, or for longer */

static const uint32_t own[] = {SYS_write, SYS_exit_group};

static int status_of(pid_t child)
{
	int status = 0;

	assert_true(child > 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	return status;
}

/* The signal that ends a child with this filter when it calls `act`, or 0: it ends by itself. */
static int signal_of(const uint32_t *calls, size_t count, bool only, void (*act)(void))
{
	pid_t child = fork();
	int status;

	if (!child) {
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || jail_filter(calls, count, only))
			syscall(SYS_exit_group, REFUSED);
		act();
		syscall(SYS_exit_group, 0);
	}
	status = status_of(child);
	assert_true(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void nothing(void)
{
}

static void ask_for_pid(void)
{
	syscall(SYS_getppid);
}

static void test_only(void **state)
{
	(void)state;
	assert_int_equal(signal_of(own, 2, true, nothing), 0);
	assert_int_equal(signal_of(own, 2, true, ask_for_pid), SIGSYS);
}

static void test_all_but(void **state)
{
	static const uint32_t refused[] = {SYS_kill, SYS_getppid};

	(void)state;
	assert_int_equal(signal_of(refused, 2, false, nothing), 0);
	assert_int_equal(signal_of(refused, 1, false, ask_for_pid), 0);
	assert_int_equal(signal_of(refused, 2, false, ask_for_pid), SIGSYS);
}

#if defined(__x86_64__)
/* exit(0): its number is that of write() otherwise. A kernel without this entry sends SIGSEGV. */
static void end_by_the_other_entry(void)
{
	__asm__ volatile("int $0x80" : : "a"(1), "b"(0) : "memory");
}

static void ask_by_the_second_number(void)
{
	syscall(0x40000000 | SYS_getppid);
}

static void test_other_entry(void **state)
{
	static const uint32_t refused[] = {SYS_kill, SYS_getppid};

	(void)state;
	assert_int_not_equal(signal_of(own, 2, true, end_by_the_other_entry), 0);
	assert_int_not_equal(signal_of(refused, 2, false, end_by_the_other_entry), 0);
	assert_int_equal(signal_of(refused, 2, false, ask_by_the_second_number), SIGSYS);
}
#endif

static bool is_limit(int what, rlim_t soft_and_hard)
{
	struct rlimit limit;

	return !getrlimit((__rlimit_resource_t)what, &limit) && limit.rlim_cur == soft_and_hard &&
	       limit.rlim_max == soft_and_hard;
}

static bool ends_with_its_parent(void)
{
	int signal = 0;

	return !prctl(PR_GET_PDEATHSIG, &signal) && signal == SIGKILL;
}

static bool is_open(int descriptor)
{
	return fcntl(descriptor, F_GETFD) >= 0;
}

/* How a child ends that enters this jail with two seconds of processor time and descriptors 0 to 4: with 0, a
 * positive error, or UNBOUND. */
static int end_of_jailed(const struct jail *jail)
{
	const struct rlimit cpu = {2, 2};
	pid_t child = fork();
	int status, err, i;

	if (!child) {
		for (i = 0; i < 5; i++)
			dup2(2, i);
		err = setrlimit(RLIMIT_CPU, &cpu) ? -EPROTO : jail_enter(jail);
		if (!err && !(is_limit(RLIMIT_CPU, 2) && is_limit(RLIMIT_NPROC, 0) && !is_open(0) &&
			      is_open(1) && !is_open(2) && is_open(3) && !is_open(4) &&
			      ends_with_its_parent()))
			err = -UNBOUND;
		syscall(SYS_exit_group, -err);
	}
	status = status_of(child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void test_limits(void **state)
{
	const struct jail narrow = {.kept = {3, 1},
				    .cpu_seconds = 3,
				    .memory = RLIMIT_DATA,
				    .memory_bytes = RLIM_INFINITY};

	(void)state;
	assert_int_equal(end_of_jailed(&narrow), 0);
}

static void test_no_limits(void **state)
{
	const struct jail wrong = {
		.cpu_seconds = 1, .memory = RLIM_NLIMITS, .memory_bytes = RLIM_INFINITY};

	(void)state;
	assert_int_equal(end_of_jailed(&wrong), EINVAL);
}

static void test_too_many(void **state)
{
	const uint32_t calls[JAIL_CALLS_MAX + 1] = {0};

	(void)state;
	assert_int_equal(jail_filter(calls, JAIL_CALLS_MAX + 1, true), -E2BIG);
}

int main(void)
{
	const struct CMUnitTest tests[] =
	{ TEST("with a list of what is allowed, another call ends the process", test_only),
	  TEST("with a list of what is not, only these calls do", test_all_but),
#if defined(__x86_64__)
	  TEST("no call comes in by the entry of 32-bit programs, or by a second number",
	       test_other_entry),
#endif
	  TEST("a list that is too long is refused", test_too_many),
	  TEST("a jail has two descriptors and its limits, or narrower ones, and ends with its parent",
	       test_limits),
	  TEST("without one of its limits there is no jail", test_no_limits),
	};

	return cmocka_run_group_tests_name("jail", tests, NULL, NULL);
}
