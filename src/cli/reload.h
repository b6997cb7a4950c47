/*
 * The configuration that is in force, and how another one takes its place
 * while the daemon runs.
 *
 * A reload loads file and flags again as serve did. Whatever is wrong with
 * them, all stays as it was. Else each thread gets the new settings by mail,
 * follows them from its next turn on and mails back; when all have, the former
 * settings are freed. Nothing on that way can fail.
 *
 * Main thread only.
 */
#ifndef CLI_RELOAD_H
#define CLI_RELOAD_H

#include "admin/config_status.h"
#include "cli/settings.h"

struct reload;

/* Those who follow the settings. */
struct reload_followers {
	struct origin *origin;
	struct front *const *fronts; /* borrowed; at most RELOAD_FRONTS_MAX */
	unsigned fronts_n;
	struct cache *cache; /* NULL: no store */
	struct mailbox *mailbox; /* of the main thread */
	int mail_kind; /* what comes back by it goes to reload_mail */
};

enum {
	RELOAD_FRONTS_MAX = SETTINGS_THREADS_MAX
};

/*
 * Makes the settings of config, which was loaded from these arguments of
 * serve. All are borrowed and outlive it. NULL with a message in why (caller
 * frees; NULL only when memory is exhausted).
 */
struct reload *reload_new(
    const struct config *config, int argc, char **argv, char **why);
/* Those in force now: until the next turn of main's loop at least. */
const struct settings *reload_settings(const struct reload *r);
/* For the status document; lives as long as r. */
struct config_status *reload_status(struct reload *r);

/* The followers run, with reload_settings(). */
void reload_start(struct reload *r, const struct reload_followers *f);
/* SIGHUP. While a reload is under way, it is remembered. */
void reload_ask(struct reload *r);
/* Asked for, and neither refused nor followed by all yet. */
bool reload_is_under_way(const struct reload *r);
/* A follower has switched. */
void reload_mail(struct reload *r);
/* Before the followers are told to end: begins no other reload. One that is
 * under way still ends. */
void reload_stop(struct reload *r);
/* The followers have ended. r may be NULL. */
void reload_free(struct reload *r);

#endif
