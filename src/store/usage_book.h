/*
 * The book of usage: what was counted, by the hour, kept in the vault for 30
 * days. In memory are only the counts that no commit has taken over yet, so a
 * vault that fails costs nothing until the process ends.
 *
 * Main thread only.
 */
#ifndef STORE_USAGE_BOOK_H
#define STORE_USAGE_BOOK_H

#include "store/usage_table.h"
#include "store/vault.h"

#define USAGE_KEEP_HOURS (30 * 24)
/* Of an hour. Fifteen tools that use twenty operations each are 300. */
#define USAGE_HOUR_ROWS 512
/* Names that are told apart at all. */
#define USAGE_TOOLS_MAX 256

struct usage_book;

/* v outlives the book; NULL: counts are kept in memory only, of the last 48
 * hours. NULL when memory is exhausted. */
struct usage_book *usage_book_open(struct vault *v);
/* Without a commit. b may be NULL. */
void usage_book_close(struct usage_book *b);

/*
 * The name under which a tool is counted: "other" for those that came after
 * USAGE_TOOLS_MAX had. Lives as long as the book.
 */
struct slice usage_book_tool(struct usage_book *b, struct slice tool);
/* Adds the rows of t, whose tools are names that usage_book_tool gave. */
void usage_book_add(struct usage_book *b, const struct usage_table *t);
/*
 * Puts what was added into the vault and removes what is too old. Waits for
 * the disk. False when it could not (usage_book_trouble says why): the counts
 * stay, the next call tries again.
 */
bool usage_book_commit(struct usage_book *b, int64_t now_hour);
/* Why counts are in memory only; NULL when they are not. Static string. */
const char *usage_book_trouble(const struct usage_book *b);

enum usage_by {
	USAGE_BY_TOOL,
	USAGE_BY_OPERATION,
	USAGE_BY_HOUR
};

struct usage_question {
	int64_t from_hour; /* the first that counts */
	struct slice tool; /* only this one; empty: all */
	struct slice op; /* likewise */
	enum usage_by by;
};

/* Adds to out a row for each tool, operation or hour; the other parts of its
 * key are empty. Hours beyond the kept ones are not there. */
void usage_book_ask(struct usage_book *b, const struct usage_question *q,
    struct usage_table *out);

#endif
