// SPDX-License-Identifier: Apache-2.0
/*
 * Lives of a process, one word each; what follows a word are its arguments. Copied under the name
 * of an agent or a tool, so that argv[0] decides what it is taken for.
 *
 *	exit CODE                    end
 *	kill SIGNAL                  end by one's own signal
 *	fault                        end by a bad memory access
 *	pipe                         end by SIGPIPE
 *	alarm                        end by one's own timer
 *	wait                         until a signal comes
 *	handle CODE                  end with CODE when SIGTERM comes; "ready" on standard output
 *	ignore                       SIGTERM, and wait; "ready" on standard output
 *	last-thread CODE             the main thread ends first, another one ends the process
 *	thread-exit CODE             another thread calls exit
 *	race THREADS                 all threads end at the same moment
 *	thread-exec PROGRAM ARGS…    a thread other than the main one execs
 *	exec PROGRAM ARGS…           exec
 *	memfd NAME PROGRAM ARGS…     exec of a copy of PROGRAM in memory
 *	unlink PROGRAM ARGS…         exec of a copy of PROGRAM that is deleted before it runs
 *	fork PROGRAM ARGS…           child by fork, wait for it, end with its code
 *	vfork PROGRAM ARGS…          same by vfork
 *	spawn PROGRAM ARGS…          same by posix_spawn
 *	sibling PROGRAM ARGS…        child by clone(CLONE_PARENT), do not wait
 *	daemon PROGRAM ARGS…         double fork, do not wait
 *	leave PROGRAM ARGS…          child by fork, do not wait
 *	pdeath                       child that dies with its parent; end
 *	work MS MIB READS WRITES     run MS of CPU time, touch MIB, READS and WRITES system calls of 4 KiB
 *	threads COUNT MS             COUNT threads run MS of CPU time each and stay until a signal
 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>

#include "process_play.h"
#include "process_starts.h"

#define PIECE 4096

static pthread_barrier_t barrier;

static void play_exit(void)
{
	_exit(number(0));
}

static void play_kill(void)
{
	kill(getpid(), number(0));
	wait_forever();
}

static void play_fault(void)
{
	static volatile int *volatile nowhere;

	*nowhere = 1;
}

static void play_pipe(void)
{
	int ends[2];

	if (pipe(ends))
		die("pipe");
	close(ends[0]);
	signal(SIGPIPE, SIG_DFL);
	if (write(ends[1], "x", 1) != 1)
		die("write");
}

static void play_alarm(void)
{
	ualarm(1000, 0);
	wait_forever();
}

static void on_term(int signal_number)
{
	(void)signal_number;
	_exit(number(0));
}

static void play_handle(void)
{
	signal(SIGTERM, on_term);
	say_ready();
	wait_forever();
}

/* For whoever must know that the exec is over: a spawner is told before the kernel's exec ends. */
static void play_wait(void)
{
	say_ready();
	wait_forever();
}

static void play_ignore(void)
{
	signal(SIGTERM, SIG_IGN);
	say_ready();
	wait_forever();
}

/* Raw exit of one thread; the last one gives the process its code. */
static void *end_last(void *unused)
{
	struct timespec pause_time = {.tv_nsec = 1000000};
	char path[64], line[256], *state;
	FILE *file;

	(void)unused;
	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", getpid());
	do {
		nanosleep(&pause_time, NULL);
		file = fopen(path, "r");
		if (!file || !fgets(line, sizeof(line), file))
			die(path);
		fclose(file);
		state = strrchr(line, ')');
	} while (!state || state[2] != 'Z');
	syscall(SYS_exit, number(0));
	return NULL;
}

static void *call_exit(void *unused)
{
	(void)unused;
	exit(number(0));
}

static void *call_exec(void *unused)
{
	(void)unused;
	exec_arguments(0);
	return NULL;
}

static void *end_together(void *unused)
{
	(void)unused;
	pthread_barrier_wait(&barrier);
	syscall(SYS_exit, 0);
	return NULL;
}

static void start_thread(void *(*body)(void *))
{
	pthread_t thread;

	errno = pthread_create(&thread, NULL, body, NULL);
	if (errno)
		die("pthread_create");
}

static void play_last_thread(void)
{
	start_thread(end_last);
	syscall(SYS_exit, 4);
}

static void play_thread_exit(void)
{
	start_thread(call_exit);
	wait_forever();
}

static void play_thread_exec(void)
{
	start_thread(call_exec);
	wait_forever();
}

static void play_race(void)
{
	int i, count = number(0);

	pthread_barrier_init(&barrier, NULL, (unsigned int)count);
	for (i = 1; i < count; i++)
		start_thread(end_together);
	end_together(NULL);
}

static void burn(long long ms)
{
	struct timespec now;

	do {
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	} while (now.tv_sec * 1000LL + now.tv_nsec / 1000000 < ms);
}

static void play_work(void)
{
	size_t size = (size_t)number(1) << 20;
	int in = open("/dev/zero", O_RDONLY), out = open("/dev/null", O_WRONLY), i;
	char piece[PIECE], *memory;

	memory = mmap(NULL, size ? size : 1, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		      -1, 0);
	if (memory == MAP_FAILED || in < 0 || out < 0)
		die("work");
	memset(memory, 1, size);
	for (i = 0; i < number(2); i++)
		if (read(in, piece, PIECE) != PIECE)
			die("read");
	for (i = 0; i < number(3); i++)
		if (write(out, piece, PIECE) != PIECE)
			die("write");
	burn(number(0));
}

static void *burn_and_stay(void *unused)
{
	(void)unused;
	burn(number(1));
	pthread_barrier_wait(&barrier);
	wait_forever();
	return NULL;
}

static void play_threads(void)
{
	int i, count = number(0);

	pthread_barrier_init(&barrier, NULL, (unsigned int)count + 1);
	for (i = 0; i < count; i++)
		start_thread(burn_and_stay);
	pthread_barrier_wait(&barrier);
	say_ready();
	wait_forever();
}

static const struct word {
	const char *name;
	void (*play)(void);
} words[] = {
	{"exit", play_exit},
	{"kill", play_kill},
	{"fault", play_fault},
	{"pipe", play_pipe},
	{"alarm", play_alarm},
	{"wait", play_wait},
	{"handle", play_handle},
	{"ignore", play_ignore},
	{"last-thread", play_last_thread},
	{"thread-exit", play_thread_exit},
	{"race", play_race},
	{"thread-exec", play_thread_exec},
	{"exec", play_exec},
	{"memfd", play_memfd},
	{"unlink", play_unlink},
	{"fork", play_fork},
	{"vfork", play_vfork},
	{"spawn", play_spawn},
	{"sibling", play_sibling},
	{"daemon", play_daemon},
	{"leave", play_leave},
	{"pdeath", play_pdeath},
	{"work", play_work},
	{"threads", play_threads},
};

int main(int argc, char **argv)
{
	size_t i;

	for (i = 0; argc > 1 && i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(argv[1], words[i].name))
			continue;
		arguments = argv + 2;
		words[i].play();
		return 0;
	}
	fprintf(stderr, "usage: process_play WORD [ARGUMENT…], see the source\n");
	return 2;
}
