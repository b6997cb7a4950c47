/*
 * What threads of this process have in common.
 */
#ifndef BASE_THREAD_H
#define BASE_THREAD_H

#include <signal.h>

/*
 * Names the calling thread, as ps -L and a debugger show it. name: at most 15
 * bytes are used (the kernel's limit).
 */
void thread_name(const char *name);

/*
 * The signals that a thread other than main blocks: all but those of its own
 * faults, for which the kernel would end a process that blocks them without
 * calling the handler that tells of the crash.
 */
void thread_signals(sigset_t *out);

#endif
