// SPDX-License-Identifier: Apache-2.0
/*
 * usage: exec_chain DIRECTORY COUNT [stay]
 *
 * Maps the code of DIRECTORY/COUNT-1/libssl.so.3 and executes DIRECTORY/COUNT-1/exec_chain, which does
 * so with COUNT-2, and so on to 0: which ends, or waits for a signal.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	char path[4096], number[16];
	int count, file;

	if (argc < 3 || argc > 4)
		return fprintf(stderr, "usage: exec_chain DIRECTORY COUNT [stay]\n"), 2;
	count = atoi(argv[2]) - 1;
	if (count < 0) {
		if (argc == 4)
			pause();
		return 0;
	}
	snprintf(path, sizeof(path), "%s/%d/libssl.so.3", argv[1], count);
	file = open(path, O_RDONLY | O_CLOEXEC);
	if (file < 0 || mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, file, 0) == MAP_FAILED)
		return perror(path), 1;
	snprintf(path, sizeof(path), "%s/%d/exec_chain", argv[1], count);
	snprintf(number, sizeof(number), "%d", count);
	execl(path, path, argv[1], number, argv[3], NULL);
	perror(path);
	return 1;
}
