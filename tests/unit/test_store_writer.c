/*
 * The group-committing writer by itself: lanes, order, bounds, and what comes
 * back when a transaction fails.
 */
#include "store/writer.h"

#include "base/slice.h"
#include "store_rig.h"

#include <lmdb.h>
#include <stdatomic.h>

enum {
	KIND_DURABLE = 1,
	KIND_DROPPABLE,
	KIND_SKIPPED
};

/* What happened, in the order in which it did: "d1 p2 +1 +2". */
struct diary {
	char text[4096];
	size_t n;
};

struct fixture {
	char *dir;
	MDB_env *env;
	struct writer *writer;
	struct diary diary;
	atomic_int begins;
	int fail_next; /* code with which the next applications fail */
	bool may_retry;
	int retries;
	sem_t done;
	sem_t gate; /* the first begin waits here when is_gated */
	bool is_gated;
	atomic_int ticks;
};

struct item {
	struct mail mail;
	int id;
	bool is_shed;
};

static void note(struct fixture *f, const char *what, int id)
{
	int n = snprintf(f->diary.text + f->diary.n,
	    sizeof(f->diary.text) - f->diary.n, "%s%d ", what, id);

	assert_true((size_t)n < sizeof(f->diary.text) - f->diary.n);
	f->diary.n += (size_t)n;
}

/* ---- the owner's part ---- */

static bool is_droppable(const struct mail *m)
{
	return m->kind != KIND_DURABLE;
}

static size_t bytes_of(const struct mail *m)
{
	return mail_of(m, struct item, mail)->is_shed ? 0 : 100;
}

static int begin(void *arg, MDB_txn **txn)
{
	struct fixture *f = arg;

	if (atomic_fetch_add(&f->begins, 1) == 0 && f->is_gated)
		sem_wait(&f->gate);
	return mdb_txn_begin(f->env, NULL, 0, txn);
}

static int apply(void *arg, MDB_txn *txn, struct mail *m)
{
	struct fixture *f = arg;
	struct item *item = mail_of(m, struct item, mail);

	assert_non_null(txn);
	if (item->is_shed || m->kind == KIND_SKIPPED)
		return WRITER_SKIPPED;
	note(f, m->kind == KIND_DURABLE ? "d" : "p", item->id);
	return m->kind == KIND_DROPPABLE ? f->fail_next : 0;
}

static int seal(void *arg, MDB_txn *txn)
{
	(void)txn;
	note(arg, "c", 0);
	return 0;
}

static bool failed(void *arg, int rc, bool is_durable)
{
	struct fixture *f = arg;

	assert_int_equal(rc, MDB_MAP_FULL);
	assert_false(is_durable);
	f->retries++;
	return f->may_retry && f->retries == 1;
}

static void done(void *arg, struct mail *m, bool is_committed)
{
	struct fixture *f = arg;
	struct item *item = mail_of(m, struct item, mail);

	note(f, is_committed ? "+" : "-", item->id);
	free(item);
	sem_post(&f->done);
}

static void shed(struct mail *m)
{
	mail_of(m, struct item, mail)->is_shed = true;
}

static int tick(void *arg)
{
	struct fixture *f = arg;

	atomic_fetch_add(&f->ticks, 1);
	return 5;
}

static const struct writer_ops ops = {
    .name = "test",
    .is_droppable = is_droppable,
    .bytes = bytes_of,
    .begin = begin,
    .apply = apply,
    .seal = seal,
    .failed = failed,
    .done = done,
    .shed = shed,
    .tick = tick,
};

static const struct writer_limits limits = {
    .batch_items = 3,
    .batch_bytes = 1000,
    .droppable_items = 4,
    .droppable_bytes = 100000,
    .tick_ms = 5,
};

/* ---- fixture ---- */

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->dir = rig_dir_new();
	mdb_env_create(&f->env);
	assert_int_equal(mdb_env_open(f->env, f->dir, 0, 0600), 0);
	sem_init(&f->done, 0, 0);
	sem_init(&f->gate, 0, 0);
	f->writer = writer_new(&ops, &limits, f);
	assert_non_null(f->writer);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	writer_free(f->writer);
	mdb_env_close(f->env);
	rig_dir_free(f->dir);
	free(f);
	return 0;
}

static void post(struct fixture *f, int kind, int id)
{
	struct item *item = calloc(1, sizeof(*item));

	assert_non_null(item);
	item->mail.kind = kind;
	item->id = id;
	writer_post(f->writer, &item->mail);
}

static void wait_done(struct fixture *f, int n)
{
	while (n-- > 0)
		assert_int_equal(sem_wait(&f->done), 0);
}

static void expect_diary(struct fixture *f, const char *text)
{
	assert_string_equal(f->diary.text, text);
}

/* ---- tests ---- */

static void durable_mail_goes_first_and_alone(void **state)
{
	struct fixture *f = *state;

	post(f, KIND_DROPPABLE, 1);
	post(f, KIND_DURABLE, 2);
	post(f, KIND_DROPPABLE, 3);
	post(f, KIND_DURABLE, 4);
	assert_true(writer_start(f->writer));
	writer_stop(f->writer);
	expect_diary(f, "d2 d4 c0 +2 +4 p1 p3 c0 +1 +3 ");
}

static void a_batch_has_a_bound(void **state)
{
	struct fixture *f = *state;

	for (int i = 1; i <= 5; i++)
		post(f, KIND_DURABLE, i);
	assert_true(writer_start(f->writer));
	writer_stop(f->writer);
	expect_diary(f, "d1 d2 d3 c0 +1 +2 +3 d4 d5 c0 +4 +5 ");
}

static void durable_mail_overtakes_waiting_batches(void **state)
{
	struct fixture *f = *state;

	f->is_gated = true;
	for (int i = 1; i <= 4; i++)
		post(f, KIND_DROPPABLE, i);
	assert_true(writer_start(f->writer));
	while (atomic_load(&f->begins) == 0)
		usleep(1000);
	post(f, KIND_DURABLE, 9);
	sem_post(&f->gate);
	wait_done(f, 5);
	writer_stop(f->writer);
	expect_diary(f, "p1 p2 p3 c0 +1 +2 +3 d9 c0 +9 p4 c0 +4 ");
}

static void too_much_droppable_mail_is_shed(void **state)
{
	struct fixture *f = *state;

	for (int i = 1; i <= 6; i++)
		post(f, KIND_DROPPABLE, i);
	post(f, KIND_DURABLE, 7);
	assert_true(writer_start(f->writer));
	wait_done(f, 7);
	/* there is room again */
	post(f, KIND_DROPPABLE, 8);
	writer_stop(f->writer);
	expect_diary(
	    f, "d7 c0 +7 p1 p2 p3 c0 +1 +2 +3 p4 c0 +4 -5 -6 p8 c0 +8 ");
}

static void what_is_skipped_is_not_committed(void **state)
{
	struct fixture *f = *state;

	post(f, KIND_SKIPPED, 1);
	post(f, KIND_DROPPABLE, 2);
	post(f, KIND_DROPPABLE, 3);
	post(f, KIND_SKIPPED, 4); /* a batch of nothing */
	assert_true(writer_start(f->writer));
	writer_stop(f->writer);
	expect_diary(f, "p2 p3 c0 -1 +2 +3 -4 ");
}

static void a_failed_batch_comes_back(void **state)
{
	struct fixture *f = *state;

	f->fail_next = MDB_MAP_FULL;
	post(f, KIND_DROPPABLE, 1);
	post(f, KIND_DROPPABLE, 2);
	post(f, KIND_DURABLE, 3);
	assert_true(writer_start(f->writer));
	writer_stop(f->writer);
	expect_diary(f, "d3 c0 +3 p1 -1 -2 ");
	assert_int_equal(f->retries, 1);
}

static void a_batch_is_tried_twice_at_most(void **state)
{
	struct fixture *f = *state;

	f->fail_next = MDB_MAP_FULL;
	f->may_retry = true;
	post(f, KIND_DROPPABLE, 1);
	assert_true(writer_start(f->writer));
	writer_stop(f->writer);
	expect_diary(f, "p1 p1 -1 ");
	assert_int_equal(f->retries, 2);
}

static void mail_to_a_stopped_writer_comes_back(void **state)
{
	struct fixture *f = *state;

	assert_true(writer_start(f->writer));
	writer_stop(f->writer);
	writer_stop(f->writer);
	post(f, KIND_DROPPABLE, 1);
	post(f, KIND_DURABLE, 2);
	writer_free(f->writer);
	f->writer = NULL;
	expect_diary(f, "-2 -1 ");
}

static bool has_ticked(void *arg)
{
	struct fixture *f = arg;

	return atomic_load(&f->ticks) >= 3;
}

static void ticks_when_idle(void **state)
{
	struct fixture *f = *state;

	assert_true(writer_start(f->writer));
	assert_true(rig_until(has_ticked, f));
	writer_stop(f->writer);
}

#define WITH_WRITER(test) \
	cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WITH_WRITER(durable_mail_goes_first_and_alone),
	    WITH_WRITER(a_batch_has_a_bound),
	    WITH_WRITER(durable_mail_overtakes_waiting_batches),
	    WITH_WRITER(too_much_droppable_mail_is_shed),
	    WITH_WRITER(what_is_skipped_is_not_committed),
	    WITH_WRITER(a_failed_batch_comes_back),
	    WITH_WRITER(a_batch_is_tried_twice_at_most),
	    WITH_WRITER(mail_to_a_stopped_writer_comes_back),
	    WITH_WRITER(ticks_when_idle),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
