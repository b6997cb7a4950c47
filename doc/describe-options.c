/*
 * Prints the options part of ghlmirror.conf(5), for the makefile.
 */
#include "base/config.h"

int main(void)
{
	config_describe(stdout);
	return ferror(stdout) || fflush(stdout) != 0;
}
