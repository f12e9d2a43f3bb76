// SPDX-License-Identifier: Apache-2.0
/* An agent's whole life: without arguments it runs TOOL once and exits 3, with one it is the tool.
 *
 * Built as `claude` and, the same program, as TOOL.
 */
#include <sys/wait.h>
#include <unistd.h>

#define TOOL "/usr/bin/fake-tool"

enum {
	EXIT_AGENT = 3,
	EXIT_BROKEN = 99
};

int main(int argc, char **argv)
{
	(void)argv;
	if (argc > 1)
		return 0;

	pid_t tool = fork();
	if (tool < 0)
		return EXIT_BROKEN;
	if (tool == 0) {
		execl(TOOL, TOOL, "work", (char *)NULL);
		_exit(EXIT_BROKEN);
	}
	int status;
	if (waitpid(tool, &status, 0) != tool || status != 0)
		return EXIT_BROKEN;
	return EXIT_AGENT;
}
