// SPDX-License-Identifier: MIT
// tsgwctl: the command line for people and scripts.
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "ctl/command.h"

int main(int argc, char **argv)
{
	int code = command_main(argc, argv);

	/* a full disk or a closed pipe must not look like success */
	if ((fflush(stdout) == EOF || ferror(stdout)) && code == CTL_DONE) {
		fprintf(stderr, "tsgwctl: cannot write the output: %s\n", strerror(errno));
		return CTL_FAILED;
	}
	return code;
}
