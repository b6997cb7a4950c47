#include "cli/sockets.h"

#include "base/notify.h"
#include "store/why.h"

#include <stdlib.h>
#include <unistd.h>

/* The same permission as `listen` needs, for whatever address it has. */
static bool is_allowed(
    const struct config *c, int fd, struct buf *name, char **why)
{
	bool is_local;
	const char *fault = listener_inherited_fault(fd, name, &is_local);

	if (fault) {
		why_set(why, "inherited socket %d: %s", fd, fault);
		return false;
	}
	if (is_local || c->allow_lan_passthrough)
		return true;
	why_set(why,
	    "inherited socket %d (%.*s) is not on loopback; set "
	    "allow_lan_passthrough = yes to serve other machines without keys "
	    "of their own",
	    fd, (int)name->n, name->p);
	return false;
}

/* As in listen, so that public_url can name it: HOST:PORT or unix:PATH. */
static char *item_of(struct slice name)
{
	struct buf text;
	size_t n;

	buf_init(&text, 256);
	if (slice_starts(name, SLICE("unix=")))
		buf_add_slice(&text, SLICE("unix:"));
	/* "http=" is as long. */
	buf_add_slice(&text, slice_sub(name, 5, name.n));
	return buf_take(&text, &n);
}

static bool inherit(const struct config *c, int fd, struct front *const *fronts,
    unsigned fronts_n, struct buf *listening, char **why)
{
	struct buf name;
	char *item = NULL;
	bool is_ok;

	buf_init(&name, 256);
	is_ok = is_allowed(c, fd, &name, why);
	if (is_ok)
		item = item_of(buf_slice(&name));
	is_ok = is_ok && item != NULL;
	for (unsigned i = 0; is_ok && i < fronts_n; i++)
		is_ok = front_adopt(fronts[i], fd, item, true, why);
	free(item);
	close(fd); /* each front has a duplicate */
	if (is_ok) {
		buf_add_char(listening, ' ');
		buf_add_slice(listening, buf_slice(&name));
	}
	buf_fini(&name);
	return is_ok;
}

bool sockets_inherit(const struct config *c, struct front *const *fronts,
    unsigned fronts_n, struct buf *listening, bool *has_any, char **why)
{
	int n = notify_take_fds();

	if (n < 0)
		why_set(why, "LISTEN_FDS does not say what was inherited");
	*has_any = n > 0;
	for (int fd = NOTIFY_FIRST_FD; fd < NOTIFY_FIRST_FD + n; fd++)
		if (!inherit(c, fd, fronts, fronts_n, listening, why))
			return false;
	return n >= 0;
}
