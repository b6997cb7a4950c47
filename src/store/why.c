#include "store/why.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void why_set(char **why, const char *fmt, ...)
{
	char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	va_end(ap);
	free(*why);
	*why = text;
}
