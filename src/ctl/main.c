// SPDX-License-Identifier: MIT
// tsgwctl: the command line for people and scripts.
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ctl/command.h"

int main(int argc, char **argv)
{
	static char room[1 << 16];
	int code;

	/* a thousand tailnets are a megabyte of JSON: whoever reads it need not wake up for each 4 KB */
	if (!isatty(STDOUT_FILENO))
		(void)setvbuf(stdout, room, _IOFBF, sizeof(room));
	code = command_main(argc, argv);
	/* a full disk or a closed pipe must not look like success */
	if ((fflush(stdout) == EOF || ferror(stdout)) && code == CTL_DONE) {
		fprintf(stderr, "tsgwctl: cannot write the output: %s\n", strerror(errno));
		return CTL_FAILED;
	}
	return code;
}
