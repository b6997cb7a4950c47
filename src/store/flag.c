#include "store/flag.h"

#include "store/env.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static const char raised = '1', lowered = '0';

int flag_set(struct flag *f, bool is_raised)
{
	if (pwrite(f->fd, is_raised ? &raised : &lowered, 1, 0) != 1 ||
	    fdatasync(f->fd) < 0)
		return errno ? errno : EIO;
	f->is_raised = is_raised;
	return 0;
}

int flag_open(struct flag *f, const char *dir, const char *name)
{
	char *path = env_path(dir, name);
	char c = 0;
	int rc = 0;

	f->fd = -1;
	if (!path)
		return ENOMEM;
	f->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	free(path);
	if (f->fd < 0)
		return errno;
	if (lseek(f->fd, 0, SEEK_END) == 0)
		rc = flag_set(f, false);
	else
		f->is_raised = pread(f->fd, &c, 1, 0) != 1 || c != lowered;
	if (rc != 0)
		flag_close(f);
	return rc;
}

void flag_close(struct flag *f)
{
	if (f->fd >= 0)
		close(f->fd);
	f->fd = -1;
}
