/* Who is sent when: origin/queue.h. */
#include "origin/queue.h"

#include "origin/fetch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#define JOBS 8

/* Jobs that write down what they are told: "bA" begun, "dA" done, "nA" no way,
 * and a transfer that is nothing but the way to end them. */
struct job {
	struct queue_job job;
	char name;
	transfer_done done;
	void *done_arg;
	struct transfer_result result; /* the last */
	bool must_leave; /* when there is no way */
};

static struct job jobs[JOBS];
static char story[256];
static bool has_memory;

static void tell(char what, const struct job *j)
{
	size_t n = strlen(story);

	snprintf(story + n, sizeof(story) - n, "%c%c ", what, j->name);
}

static void on_begin(struct queue_job *qj)
{
	tell('b', (struct job *)(void *)qj);
}

static void on_done(
    struct queue_job *qj, struct transfer *t, const struct transfer_result *r)
{
	struct job *j = (struct job *)(void *)qj;

	assert_int_equal(qj->state, QUEUE_IDLE);
	assert_true(!t == (r->cause == TRANSFER_CAUSE_BUSY ||
			      r->cause == TRANSFER_CAUSE_LOCAL || !j->done));
	j->result = *r;
	tell('d', j);
}

static void on_no_way(struct queue_job *qj, const struct transfer_result *r)
{
	struct job *j = (struct job *)(void *)qj;

	assert_int_equal(r->outcome, TRANSFER_UNSENT);
	tell('n', j);
	if (j->must_leave)
		queue_leave(qj);
}

static const struct queue_ops ops = {on_begin, on_done, on_no_way};

static struct transfer *send_job(
    const struct fetch *f, transfer_done done, void *done_arg, void *arg)
{
	struct job *j = done_arg;

	(void)f;
	assert_ptr_equal(arg, jobs);
	if (!has_memory)
		return NULL;
	j->done = done;
	j->done_arg = done_arg;
	return (struct transfer *)(void *)j;
}

static int set_up(void **state)
{
	static const struct fetch fetch;
	static struct queue q;

	memset(jobs, 0, sizeof(jobs));
	for (int i = 0; i < JOBS; i++) {
		jobs[i].job.ops = &ops;
		jobs[i].job.fetch = &fetch;
		jobs[i].name = (char)('A' + i);
	}
	story[0] = '\0';
	has_memory = true;
	queue_init(&q, 2, send_job, jobs);
	*state = &q;
	return 0;
}

static void add(struct queue *q, int first, int last)
{
	for (int i = first; i <= last; i++)
		queue_add(q, &jobs[i].job);
}

static void end(struct job *j, enum transfer_outcome outcome,
    enum transfer_cause cause, unsigned http_major)
{
	struct transfer_result r = {
	    .outcome = outcome,
	    .cause = cause,
	    .http_major = http_major,
	    .detail = "",
	};

	j->done((struct transfer *)(void *)j, &r, j->done_arg);
}

static void end_well(struct job *j)
{
	end(j, TRANSFER_OK, TRANSFER_CAUSE_NONE, 1);
}

#define check_story(text) \
	do { \
		assert_string_equal(story, text); \
		story[0] = '\0'; \
	} while (0)

/* A probe passes all others, and takes nobody's place. */
static void test_probes(void **state)
{
	static const struct fetch probe = {.is_hasty = true};
	struct queue *q = *state;

	jobs[4].job.fetch = &probe;
	assert_true(queue_has_room(q));
	add(q, 0, 3);
	check_story("bA bB ");
	assert_false(queue_has_room(q));
	add(q, 4, 4);
	check_story("bE ");
	assert_int_equal(q->probes, 1);
	end_well(&jobs[4]);
	check_story("dE ");
	assert_int_equal(q->probes, 0);
	assert_int_equal(queue_waiting(q), 2);
	end_well(&jobs[0]);
	end_well(&jobs[1]);
	check_story("dA bC dB bD ");
	end_well(&jobs[2]);
	end_well(&jobs[3]);
	assert_true(queue_has_room(q));
}

static void test_first_come_first_served(void **state)
{
	struct queue *q = *state;

	add(q, 0, 4);
	check_story("bA bB ");
	assert_int_equal(queue_waiting(q), 3);
	end_well(&jobs[1]);
	check_story("dB bC ");
	end_well(&jobs[0]);
	end_well(&jobs[2]);
	check_story("dA bD dC bE ");
	assert_int_equal(queue_waiting(q), 0);
	add(q, 5, 5);
	end_well(&jobs[4]);
	end_well(&jobs[3]);
	end_well(&jobs[5]);
	check_story("dE bF dD dF ");
	assert_int_equal(q->sent, 0);
}

static void test_http2_carries_many(void **state)
{
	struct queue *q = *state;

	add(q, 0, 6);
	check_story("bA bB ");
	end(&jobs[0], TRANSFER_OK, TRANSFER_CAUSE_NONE, 2);
	check_story("dA bC bD bE bF bG ");
	/* Another server behind the same name. */
	end_well(&jobs[1]);
	add(q, 0, 0);
	check_story("dB ");
	/* No answer says nothing. */
	end(&jobs[2], TRANSFER_UNKNOWN, TRANSFER_CAUSE_RESET, 0);
	check_story("dC ");
	end(&jobs[3], TRANSFER_UNKNOWN, TRANSFER_CAUSE_RESET, 0);
	end(&jobs[4], TRANSFER_UNKNOWN, TRANSFER_CAUSE_RESET, 0);
	check_story("dD dE ");
	end(&jobs[5], TRANSFER_UNKNOWN, TRANSFER_CAUSE_RESET, 0);
	check_story("dF bA ");
}

static void test_who_leaves_is_not_sent(void **state)
{
	struct queue *q = *state;

	add(q, 0, 5);
	story[0] = '\0';
	queue_leave(&jobs[2].job);
	queue_leave(&jobs[5].job);
	queue_leave(&jobs[5].job);
	assert_int_equal(queue_waiting(q), 2);
	add(q, 2, 2);
	end_well(&jobs[0]);
	end_well(&jobs[1]);
	end_well(&jobs[3]);
	check_story("dA bD dB bE dD bC ");
}

static void test_waiting_has_an_end(void **state)
{
	struct queue *q = *state;
	int64_t since_us;

	add(q, 0, 4);
	story[0] = '\0';
	jobs[3].job.queued_us = jobs[4].job.queued_us =
	    jobs[2].job.queued_us + 10;
	since_us = jobs[2].job.queued_us;
	queue_expire(q, since_us + 999, 1000);
	check_story("");
	queue_expire(q, since_us + 1000, 1000);
	check_story("dC ");
	assert_int_equal(jobs[2].result.outcome, TRANSFER_UNSENT);
	assert_int_equal(jobs[2].result.cause, TRANSFER_CAUSE_BUSY);
	queue_expire(q, since_us + 1010, 1000);
	check_story("dD dE ");
	assert_int_equal(q->sent, 2);
}

/* The first try began before the others came; it says nothing about them, but
 * to those who have something better. */
static void test_no_way_once(void **state)
{
	struct queue *q = *state;

	add(q, 0, 4);
	for (int i = 2; i <= 4; i++)
		jobs[i].job.queued_us = jobs[0].job.sent_us + 1;
	jobs[3].must_leave = true;
	story[0] = '\0';
	end(&jobs[0], TRANSFER_UNSENT, TRANSFER_CAUSE_CONNECT, 0);
	check_story("dA nC nD nE bC ");
	assert_int_equal(queue_waiting(q), 1);
}

static void test_no_way_twice(void **state)
{
	struct queue *q = *state;

	add(q, 0, 5);
	jobs[3].job.queued_us = jobs[4].job.queued_us = jobs[0].job.sent_us;
	jobs[5].job.queued_us = jobs[0].job.sent_us + 1;
	jobs[2].job.queued_us = jobs[0].job.sent_us;
	story[0] = '\0';
	end(&jobs[0], TRANSFER_UNSENT, TRANSFER_CAUSE_DNS, 0);
	check_story("dA dC dD dE nF bF ");
	assert_int_equal(jobs[4].result.cause, TRANSFER_CAUSE_DNS);
	assert_int_equal(jobs[4].result.outcome, TRANSFER_UNSENT);
}

static void test_somebody_got_through(void **state)
{
	struct queue *q = *state;

	add(q, 0, 4);
	end_well(&jobs[0]);
	for (int i = 3; i <= 4; i++)
		jobs[i].job.queued_us = q->answered_us;
	jobs[1].job.sent_us = q->answered_us;
	story[0] = '\0';
	end(&jobs[1], TRANSFER_UNSENT, TRANSFER_CAUSE_CONNECT, 0);
	check_story("dB nD nE bD ");
}

static void test_other_failures_are_of_one(void **state)
{
	struct queue *q = *state;

	add(q, 0, 3);
	jobs[2].job.queued_us = jobs[3].job.queued_us = 1;
	story[0] = '\0';
	end(&jobs[0], TRANSFER_UNSENT, TRANSFER_CAUSE_REFUSED, 0);
	end(&jobs[1], TRANSFER_UNKNOWN, TRANSFER_CAUSE_TIMEOUT, 0);
	check_story("dA bC dB bD ");
}

static void test_without_memory(void **state)
{
	struct queue *q = *state;

	has_memory = false;
	add(q, 0, 2);
	check_story("bA dA bB dB bC dC ");
	assert_int_equal(jobs[2].result.cause, TRANSFER_CAUSE_LOCAL);
	assert_int_equal(q->sent, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(test_probes, set_up),
	    cmocka_unit_test_setup(test_first_come_first_served, set_up),
	    cmocka_unit_test_setup(test_http2_carries_many, set_up),
	    cmocka_unit_test_setup(test_who_leaves_is_not_sent, set_up),
	    cmocka_unit_test_setup(test_waiting_has_an_end, set_up),
	    cmocka_unit_test_setup(test_no_way_once, set_up),
	    cmocka_unit_test_setup(test_no_way_twice, set_up),
	    cmocka_unit_test_setup(test_somebody_got_through, set_up),
	    cmocka_unit_test_setup(test_other_failures_are_of_one, set_up),
	    cmocka_unit_test_setup(test_without_memory, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
