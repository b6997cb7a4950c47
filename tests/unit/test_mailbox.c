#include "base/mailbox.h"

#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

struct note {
	struct mail mail;
	int sender;
	int number;
};

static bool is_ringing(const struct mailbox *mb)
{
	struct pollfd pfd = {.fd = mailbox_fd(mb), .events = POLLIN};

	return poll(&pfd, 1, 0) == 1;
}

static void test_order_and_capacity(void **state)
{
	struct mailbox *mb = mailbox_new(3);
	struct note notes[4] = {{.number = 0}, {.number = 1}, {.number = 2}};
	struct mail *m;

	(void)state;
	assert_non_null(mb);
	assert_null(mailbox_take_all(mb));
	assert_false(is_ringing(mb));
	for (int i = 0; i < 3; i++)
		assert_true(mailbox_post(mb, &notes[i].mail));
	assert_true(is_ringing(mb));
	assert_false(mailbox_post(mb, &notes[3].mail));
	m = mailbox_take_all(mb);
	for (int i = 0; i < 3; i++, m = m->next)
		assert_ptr_equal(mail_of(m, struct note, mail), &notes[i]);
	assert_null(m);
	assert_false(is_ringing(mb));
	assert_null(mailbox_take_all(mb));
	/* Taken messages make room, and the bell works again. */
	for (int i = 0; i < 3; i++)
		assert_true(mailbox_post(mb, &notes[i].mail));
	assert_true(is_ringing(mb));
	assert_non_null(mailbox_take_all(mb));
	mailbox_free(mb);
	mailbox_free(NULL);
}

static void test_wait(void **state)
{
	struct mailbox *mb = mailbox_new(1);
	struct note note = {.number = 7};
	struct mail *m;

	(void)state;
	assert_null(mailbox_wait(mb, 0));
	assert_null(mailbox_wait(mb, 5));
	assert_true(mailbox_post(mb, &note.mail));
	m = mailbox_wait(mb, -1);
	assert_ptr_equal(m, &note.mail);
	assert_null(m->next);
	mailbox_free(mb);
}

enum {
	SENDERS = 4,
	NOTES = 5000,
	CAPACITY = 64
};

struct sender {
	struct mailbox *mb;
	int id;
	pthread_t thread;
};

static void *send_notes(void *arg)
{
	struct sender *s = arg;

	for (int i = 0; i < NOTES; i++) {
		struct note *note = malloc(sizeof(*note));

		if (!note)
			abort();
		note->sender = s->id;
		note->number = i;
		note->mail.kind = s->id;
		while (!mailbox_post(s->mb, &note->mail))
			sched_yield(); /* full: still ours */
	}
	return NULL;
}

/* Everything arrives once, in the order of each sender, and the mailbox never
 * holds more than its capacity. */
static void test_many_senders(void **state)
{
	struct mailbox *mb = mailbox_new(CAPACITY);
	struct sender senders[SENDERS];
	int next[SENDERS] = {0};
	int left = SENDERS * NOTES;

	(void)state;
	for (int i = 0; i < SENDERS; i++) {
		senders[i] = (struct sender){.mb = mb, .id = i};
		assert_int_equal(pthread_create(&senders[i].thread, NULL,
				     send_notes, &senders[i]),
		    0);
	}
	while (left > 0) {
		struct mail *m = mailbox_wait(mb, 10000), *after;
		int batch = 0;

		assert_non_null(m);
		for (; m; m = after) {
			struct note *note = mail_of(m, struct note, mail);

			after = m->next;
			assert_int_equal(m->kind, note->sender);
			assert_int_equal(note->number, next[note->sender]++);
			free(note);
			batch++;
		}
		assert_true(batch <= CAPACITY);
		left -= batch;
	}
	for (int i = 0; i < SENDERS; i++)
		pthread_join(senders[i].thread, NULL);
	assert_null(mailbox_take_all(mb));
	mailbox_free(mb);
}

/* A receiver that sleeps until the bell rings must miss no message: each note
 * is answered before the next is sent, so a lost ring would hang. */
static void *echo_notes(void *arg)
{
	struct mailbox **pair = arg;

	for (int i = 0; i < NOTES; i++) {
		struct mail *m = mailbox_wait(pair[0], -1);

		if (m->next || !mailbox_post(pair[1], m))
			abort();
	}
	return NULL;
}

static void test_ping_pong(void **state)
{
	struct mailbox *pair[2] = {mailbox_new(1), mailbox_new(1)};
	struct note note = {.number = 0};
	pthread_t thread;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, echo_notes, pair), 0);
	for (int i = 0; i < NOTES; i++) {
		assert_true(mailbox_post(pair[0], &note.mail));
		assert_ptr_equal(mailbox_wait(pair[1], 10000), &note.mail);
	}
	pthread_join(thread, NULL);
	mailbox_free(pair[0]);
	mailbox_free(pair[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_order_and_capacity),
	    cmocka_unit_test(test_wait),
	    cmocka_unit_test(test_many_senders),
	    cmocka_unit_test(test_ping_pong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
