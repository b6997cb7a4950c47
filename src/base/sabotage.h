/*
 * Rules broken on purpose, to see whether tests/consistency notices. Each
 * switch leaves out one rule that read-your-writes stands on; all are 0 in
 * every build but those of tests/consistency/sabotage, which sets one by
 * `configure --enable-sabotage=NAME`. Such a build says so in --version and in
 * its status, and cannot be installed or distributed.
 *
 * Constants, so that the compiler sees both ways of each rule in every build.
 */
#ifndef BASE_SABOTAGE_H
#define BASE_SABOTAGE_H

/* An answer that a write overtook is stored as if it were asked for after the
 * write. */
#ifndef SABOTAGE_STORE_AFTER_MOVE
#define SABOTAGE_STORE_AFTER_MOVE 0
#endif

/* A read that came after a write joins a flight that began before it. */
#ifndef SABOTAGE_JOIN_AFTER_WRITE
#define SABOTAGE_JOIN_AFTER_WRITE 0
#endif

/* A write is answered before the store has its movement. */
#ifndef SABOTAGE_ANSWER_BEFORE_COMMIT
#define SABOTAGE_ANSWER_BEFORE_COMMIT 0
#endif

/* A write moves only what was stored for its own credential. */
#ifndef SABOTAGE_CREDENTIAL_TAGS
#define SABOTAGE_CREDENTIAL_TAGS 0
#endif

#define SABOTAGE_ANY \
	(SABOTAGE_STORE_AFTER_MOVE + SABOTAGE_JOIN_AFTER_WRITE + \
	    SABOTAGE_ANSWER_BEFORE_COMMIT + SABOTAGE_CREDENTIAL_TAGS)

/* Behind the version. */
#define SABOTAGE_NOTE (SABOTAGE_ANY ? " (sabotaged, for tests only)" : "")

#endif
