#include "base/thread.h"

#include <pthread.h>
#include <stdio.h>

void thread_name(const char *name)
{
	char cut[16];

	/* pthread_setname_np refuses a long name instead of cutting it. */
	snprintf(cut, sizeof(cut), "%s", name);
	pthread_setname_np(pthread_self(), cut);
}

void thread_signals(sigset_t *out)
{
	static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};

	sigfillset(out);
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
		sigdelset(out, faults[i]);
}
