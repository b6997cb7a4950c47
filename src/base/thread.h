/*
 * What threads of this process have in common.
 */
#ifndef BASE_THREAD_H
#define BASE_THREAD_H

/*
 * Names the calling thread, as ps -L and a debugger show it. name: at most 15
 * bytes are used (the kernel's limit).
 */
void thread_name(const char *name);

#endif
