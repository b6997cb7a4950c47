#include "http/answer.h"

#include <stdlib.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static char *copy(const char *text)
{
	char *p = malloc(strlen(text));

	assert_non_null(p);
	memcpy(p, text, strlen(text));
	return p;
}

/* Leaks and double frees show under AddressSanitizer. */
static void test_life(void **state)
{
	struct answer *a = answer_new(200, copy("A: b\r\n"), 6, copy("{}"), 2);

	(void)state;
	assert_non_null(a);
	assert_int_equal(a->status, 200);
	assert_true(slice_eq(a->head, SLICE("A: b\r\n")));
	assert_true(slice_eq(a->body, SLICE("{}")));
	assert_int_equal(a->etag.n, 0);
	assert_int_equal(a->next_page.n, 0);
	assert_ptr_equal(answer_ref(a), a);
	answer_unref(a);
	assert_true(slice_eq(a->body, SLICE("{}")));
	answer_unref(a);
	answer_unref(NULL);
}

static void test_empty(void **state)
{
	struct answer *a = answer_new(204, NULL, 0, NULL, 0);

	(void)state;
	assert_non_null(a);
	assert_int_equal(a->head.n, 0);
	answer_unref(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_life),
	    cmocka_unit_test(test_empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
