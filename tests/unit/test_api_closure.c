/*
 * Read your writes, as far as the operation table decides it: a write moves a
 * tag of every read that it can change, and spares the rest. Request by
 * request; test_api_families goes through the table.
 */
#include "api_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

struct pair {
	struct api_request write, read;
};

#define CONTACT(id) "{\"contact\":{\"id\":\"" id "\",\"locationId\":\"L1\"}}"
#define EVENT(id, contact) \
	"{\"event\":{\"id\":\"" id "\",\"contactId\":\"" contact \
	"\",\"locationId\":\"L1\"}}"
#define EVENTS(id) \
	"{\"events\":[{\"id\":\"" id "\",\"contactId\":\"c1\"," \
	"\"locationId\":\"L1\"}]}"
#define OPPORTUNITY(id, contact) \
	"{\"opportunity\":{\"id\":\"" id "\",\"contactId\":\"" contact \
	"\",\"locationId\":\"L1\"}}"

#define GET_C1 \
	{ \
		"GET /contacts/c1", NULL, CONTACT("c1"), NULL \
	}
#define GET_C2 \
	{ \
		"GET /contacts/c2", NULL, CONTACT("c2"), NULL \
	}
#define GET_C3_OF_B1 \
	{ \
		"GET /contacts/c3", NULL, \
		    "{\"contact\":{\"id\":\"c3\",\"locationId\":\"L1\"," \
		    "\"businessId\":\"b1\"}}", \
		    NULL \
	}
#define LIST_L1 \
	{ \
		"GET /contacts/?locationId=L1", NULL, "{\"contacts\":[]}", \
		    NULL \
	}
#define LIST_L2 \
	{ \
		"GET /contacts/?locationId=L2", NULL, "{\"contacts\":[]}", \
		    NULL \
	}
#define SEARCH_L1 \
	{ \
		"POST /contacts/search", "{\"locationId\":\"L1\"}", \
		    "{\"contacts\":[]}", NULL \
	}
#define DUPLICATE_L1 \
	{ \
		"GET /contacts/search/duplicate?locationId=L1", NULL, NULL, \
		    NULL \
	}
#define OF_BUSINESS_L1 \
	{ \
		"GET /contacts/business/b1?locationId=L1", NULL, \
		    "{\"contacts\":[]}", NULL \
	}
#define TASKS(c) \
	{ \
		"GET /contacts/" c "/tasks", NULL, "{\"tasks\":[]}", NULL \
	}
#define TASK(c, t) \
	{ \
		"GET /contacts/" c "/tasks/" t, NULL, "{\"task\":{}}", NULL \
	}
#define NOTES(c) \
	{ \
		"GET /contacts/" c "/notes", NULL, "{\"notes\":[]}", NULL \
	}
#define NOTE(c, n) \
	{ \
		"GET /contacts/" c "/notes/" n, NULL, "{\"note\":{}}", NULL \
	}
#define APPOINTMENTS(c, rows) \
	{ \
		"GET /contacts/" c "/appointments", NULL, rows, NULL \
	}
#define TASK_SEARCH_L1 \
	{ \
		"POST /locations/L1/tasks/search", "{}", "{\"tasks\":[]}", \
		    NULL \
	}
#define TALKS_L1 \
	{ \
		"GET /conversations/search?locationId=L1", NULL, NULL, NULL \
	}
#define OPPORTUNITIES_L1 \
	{ \
		"GET /opportunities/search?location_id=L1", NULL, NULL, NULL \
	}
#define TAGS_L1 \
	{ \
		"GET /locations/L1/tags", NULL, NULL, NULL \
	}
#define EVENTS_L1 \
	{ \
		"GET /calendars/events?locationId=L1", NULL, NULL, NULL \
	}
#define BLOCKED_L1 \
	{ \
		"GET /calendars/blocked-slots?locationId=L1", NULL, NULL, NULL \
	}
#define FREE_K1 \
	{ \
		"GET /calendars/k1/free-slots", NULL, "{}", NULL \
	}
#define EVENT_E1(c) \
	{ \
		"GET /calendars/events/appointments/e1", NULL, EVENT("e1", c), \
		    NULL \
	}
#define EVENT_NOTES \
	{ \
		"GET /calendars/appointments/e1/notes", NULL, \
		    "{\"notes\":[]}", NULL \
	}
#define OPPORTUNITY_O1(c) \
	{ \
		"GET /opportunities/o1", NULL, OPPORTUNITY("o1", c), NULL \
	}
#define BUSINESS(b) \
	{ \
		"GET /businesses/" b, NULL, \
		    "{\"business\":{\"locationId\":\"L1\"}}", NULL \
	}
#define BUSINESSES_L1 \
	{ \
		"GET /businesses/?locationId=L1", NULL, NULL, NULL \
	}

/* Writes. The credential's location is not known unless said. */
#define UPDATE_C1 \
	{ \
		"PUT /contacts/c1", "{\"firstName\":\"A\"}", CONTACT("c1"), \
		    NULL \
	}
#define DELETE_C1 \
	{ \
		"DELETE /contacts/c1", NULL, "{\"succeded\":true}", NULL \
	}
#define DELETE_C1_L1 \
	{ \
		"DELETE /contacts/c1", NULL, "{\"succeded\":true}", "L1" \
	}
#define CREATE_L1 \
	{ \
		"POST /contacts/", "{\"locationId\":\"L1\"}", CONTACT("c9"), \
		    NULL \
	}
#define UPSERT_C1 \
	{ \
		"POST /contacts/upsert", "{\"locationId\":\"L1\"}", \
		    CONTACT("c1"), NULL \
	}
#define UPSERT_LOST \
	{ \
		"POST /contacts/upsert", "{\"locationId\":\"L1\"}", NULL, NULL \
	}
#define BULK_TAGS \
	{ \
		"POST /contacts/bulk/tags/update/add", \
		    "{\"contacts\":[\"c1\",\"c2\"],\"tags\":[\"x\"]," \
		    "\"locationId\":\"L1\"}", \
		    "{}", NULL \
	}
#define BULK_BUSINESS \
	{ \
		"POST /contacts/bulk/business", \
		    "{\"locationId\":\"L1\",\"ids\":[\"c1\"],\"businessId\":\"b1\"}", \
		    "{}", NULL \
	}
#define NEW_TASK \
	{ \
		"POST /contacts/c1/tasks", "{\"title\":\"t\"}", \
		    "{\"task\":{}}", "L1" \
	}
#define NEW_NOTE \
	{ \
		"POST /contacts/c1/notes", "{\"body\":\"n\"}", \
		    "{\"note\":{}}", "L1" \
	}
#define BOOK_C1 \
	{ \
		"POST /calendars/events/appointments", \
		    "{\"locationId\":\"L1\",\"contactId\":\"c1\"}", \
		    "{\"id\":\"e9\",\"contactId\":\"c1\"}", NULL \
	}
#define EDIT_E1 \
	{ \
		"PUT /calendars/events/appointments/e1", "{\"title\":\"t\"}", \
		    "{\"id\":\"e1\",\"contactId\":\"c1\",\"locationId\":\"L1\"}", \
		    NULL \
	}
#define DELETE_E1 \
	{ \
		"DELETE /calendars/events/e1", "{}", "{\"succeeded\":true}", \
		    NULL \
	}
#define WORKFLOW_C1 \
	{ \
		"POST /contacts/c1/workflow/w1", "{}", "{}", "L1" \
	}

static const struct pair killing[] = {
    /* a contact's own fields */
    {UPDATE_C1, GET_C1},
    {UPDATE_C1, LIST_L1},
    {UPDATE_C1, SEARCH_L1},
    {UPDATE_C1, DUPLICATE_L1},
    {UPDATE_C1, OF_BUSINESS_L1},
    {UPDATE_C1, TALKS_L1},
    {UPDATE_C1, OPPORTUNITIES_L1},
    {UPDATE_C1, OPPORTUNITY_O1("c1")},
    {UPDATE_C1, TASK_SEARCH_L1},
    {{"PUT /contacts/c1/", "{}", CONTACT("c1"), NULL}, GET_C1},
    {{"PUT /contacts/c1", "{\"tags\":[]}", CONTACT("c1"), NULL}, TAGS_L1},
    {{"PUT /contacts/c1", "{\"companyName\":\"x\"}", CONTACT("c1"), NULL},
	BUSINESSES_L1},
    {{"PUT /contacts/c1?locationId=L2", "{}", CONTACT("c1"), NULL}, LIST_L1},
    {{"POST /contacts/c1/tags", "{\"tags\":[\"x\"]}", "{}", NULL}, GET_C1},
    {{"POST /contacts/c1/tags", "{\"tags\":[\"x\"]}", "{}", NULL}, TAGS_L1},
    {{"DELETE /contacts/c1/tags", "{\"tags\":[\"x\"]}", "{}", NULL}, LIST_L1},
    {{"POST /contacts/c1/followers", "{}", "{}", NULL}, GET_C1},
    {{"DELETE /contacts/c1/followers", "{}", "{}", NULL}, SEARCH_L1},
    {CREATE_L1, LIST_L1},
    {CREATE_L1, SEARCH_L1},
    {CREATE_L1, DUPLICATE_L1},
    {UPSERT_C1, GET_C1},
    {UPSERT_C1, LIST_L1},
    {UPSERT_LOST, GET_C1},
    {UPSERT_LOST, {"GET /contacts/c1", NULL, CONTACT("c1"), "L1"}},
    {BULK_TAGS, GET_C1},
    {BULK_TAGS, GET_C2},
    {BULK_TAGS, LIST_L1},
    {BULK_TAGS, TAGS_L1},
    {{"POST /contacts/bulk/tags/update/add", "no json", "{}", "L1"}, GET_C1},
    {BULK_BUSINESS, GET_C1},
    {BULK_BUSINESS, BUSINESS("b1")},
    {BULK_BUSINESS, BUSINESSES_L1},
    {BULK_BUSINESS, OF_BUSINESS_L1},
    {WORKFLOW_C1, GET_C1},
    {WORKFLOW_C1, TASKS("c1")},
    {WORKFLOW_C1, NOTES("c1")},
    {WORKFLOW_C1, APPOINTMENTS("c1", "{\"events\":[]}")},
    {WORKFLOW_C1, EVENT_E1("c1")},
    {{"DELETE /contacts/c1/campaigns/removeAll", NULL, "{}", NULL}, GET_C1},
    {{"DELETE /contacts/c1/campaigns/remove-all", NULL, "{}", NULL}, TALKS_L1},
    /* what was read without the answer's or anybody's location */
    {UPDATE_C1, {"GET /contacts/c1", NULL, NULL, NULL}},
    {DELETE_C1, {"GET /contacts/?locationId=L2", NULL, NULL, NULL}},
    {UPSERT_LOST, {"GET /contacts/c1", NULL, NULL, NULL}},
    /* a contact that goes takes everything along */
    {DELETE_C1, GET_C1},
    {DELETE_C1, LIST_L1},
    {DELETE_C1_L1, LIST_L1},
    {DELETE_C1, SEARCH_L1},
    {DELETE_C1, DUPLICATE_L1},
    {DELETE_C1, TASKS("c1")},
    {DELETE_C1, TASK("c1", "t1")},
    {DELETE_C1, NOTES("c1")},
    {DELETE_C1, NOTE("c1", "n1")},
    {DELETE_C1, APPOINTMENTS("c1", "{\"events\":[]}")},
    {DELETE_C1, TASK_SEARCH_L1},
    {DELETE_C1, EVENTS_L1},
    {DELETE_C1, BLOCKED_L1},
    {DELETE_C1, FREE_K1},
    {DELETE_C1, EVENT_E1("c1")},
    {DELETE_C1_L1, EVENT_E1("c1")},
    {DELETE_C1, EVENT_NOTES},
    {DELETE_C1, TALKS_L1},
    {DELETE_C1,
	{"GET /conversations/v1", NULL, "{\"locationId\":\"L1\"}", NULL}},
    {DELETE_C1, {"GET /conversations/v1/messages", NULL, "{}", NULL}},
    {DELETE_C1, OPPORTUNITIES_L1},
    {DELETE_C1, OPPORTUNITY_O1("c1")},
    {DELETE_C1,
	{"GET /associations/relations/c1?locationId=L1", NULL, NULL, NULL}},
    {DELETE_C1, {"GET /locations/L1/recurring-tasks/r1", NULL, NULL, NULL}},
    /* tasks and notes */
    {NEW_TASK, TASKS("c1")},
    {NEW_TASK, TASK_SEARCH_L1},
    {NEW_TASK, OPPORTUNITIES_L1},
    {{"PUT /contacts/c1/tasks/t1", "{}", "{}", "L1"}, TASK("c1", "t1")},
    {{"PUT /contacts/c1/tasks/t1", "{}", "{}", "L1"}, TASKS("c1")},
    {{"PUT /contacts/c1/tasks/t1", "{}", "{\"task\":{\"contactId\":\"c2\"}}",
	 "L1"},
	TASKS("c2")},
    {{"PUT /contacts/c1/tasks/t1/completed", "{}", "{}", NULL},
	TASK("c1", "t1")},
    {{"PUT /contacts/c1/tasks/t1/completed", "{}", "{}", NULL}, TASK_SEARCH_L1},
    {{"DELETE /contacts/c1/tasks/t1", NULL, "{}", NULL}, TASK("c1", "t1")},
    {{"DELETE /contacts/c1/tasks/t1", NULL, "{}", NULL}, TASKS("c1")},
    {NEW_NOTE, NOTES("c1")},
    {NEW_NOTE, OPPORTUNITIES_L1},
    {{"PUT /contacts/c1/notes/n1", "{}", "{}", NULL}, NOTE("c1", "n1")},
    {{"PUT /contacts/c1/notes/n1", "{}", "{}", NULL}, NOTES("c1")},
    {{"DELETE /contacts/c1/notes/n1", NULL, "{}", NULL}, NOTES("c1")},
    {{"DELETE /contacts/c1/notes/n1", NULL, "{}", NULL}, NOTE("c1", "n1")},
    {{"POST /locations/L1/recurring-tasks", "{}", "{}", NULL}, TASKS("c1")},
    {{"POST /locations/L1/recurring-tasks", "{}", "{}", NULL}, TASK_SEARCH_L1},
    /* appointments */
    {BOOK_C1, APPOINTMENTS("c1", "{\"events\":[]}")},
    {BOOK_C1, EVENTS_L1},
    {BOOK_C1, BLOCKED_L1},
    {BOOK_C1, FREE_K1},
    {BOOK_C1, GET_C1},
    {EDIT_E1, EVENT_E1("c1")},
    {EDIT_E1, EVENTS_L1},
    {EDIT_E1, FREE_K1},
    {EDIT_E1, APPOINTMENTS("c1", EVENTS("e1"))},
    {EDIT_E1, APPOINTMENTS("c1", "{\"events\":[]}")},
    {{"PUT /calendars/events/appointments/e1", "{}", NULL, NULL},
	APPOINTMENTS("c1", "{\"events\":[]}")},
    {DELETE_E1, EVENT_E1("c1")},
    {DELETE_E1, EVENTS_L1},
    {DELETE_E1, BLOCKED_L1},
    {DELETE_E1, FREE_K1},
    {DELETE_E1, EVENT_NOTES},
    {DELETE_E1, APPOINTMENTS("c1", EVENTS("e1"))},
    {DELETE_E1,
	APPOINTMENTS(
	    "c1", "{\"events\":[{\"id\":\"e1_2\",\"masterEventId\":\"e1\"}]}")},
    {DELETE_E1, APPOINTMENTS("c1", "{\"items\":[]}")},
    {{"POST /calendars/events/block-slots", "{\"locationId\":\"L1\"}", "{}",
	 NULL},
	BLOCKED_L1},
    {{"PUT /calendars/events/block-slots/e1", "{}", "{}", NULL}, FREE_K1},
    {{"PUT /calendars/k1", "{}", "{}", NULL}, FREE_K1},
    {{"PUT /calendars/k1", "{}", "{}", NULL},
	{"GET /calendars/?locationId=L1", NULL, NULL, NULL}},
    {{"DELETE /calendars/k1", NULL, "{}", NULL}, EVENTS_L1},
    {{"DELETE /calendars/k1", NULL, "{}", NULL}, EVENT_E1("c1")},
    {{"POST /calendars/appointments/e1/notes", "{}",
	 "{\"note\":{\"contactId\":\"c1\"}}", NULL},
	EVENT_NOTES},
    {{"PUT /calendars/schedules/s1", "{}", "{}", NULL}, FREE_K1},
    {{"POST /users/", "{}", "{}", NULL},
	{"GET /calendars/?locationId=L1", NULL, NULL, NULL}},
    {{"PUT /users/u1", "{}", "{}", "L2"},
	{"GET /users/?locationId=L1", NULL, NULL, NULL}},
    /* settings that show in records */
    {{"PUT /locations/L1/tags/g1", "{}", "{}", NULL}, GET_C1},
    {{"PUT /locations/L1/tags/g1", "{}", "{}", NULL}, LIST_L1},
    {{"DELETE /locations/L1/tags/g1", NULL, "{}", NULL}, OPPORTUNITY_O1("c1")},
    {{"POST /locations/L1/tags", "{}", "{}", NULL}, TAGS_L1},
    {{"POST /locations/L1/customFields", "{}", "{}", NULL},
	{"GET /custom-fields/object-key/contact?locationId=L1", NULL, NULL,
	    NULL}},
    {{"DELETE /custom-fields/f1", NULL, "{}", NULL},
	{"GET /locations/L1/customFields", NULL, NULL, NULL}},
    {{"DELETE /custom-fields/f1", NULL, "{}", NULL}, GET_C1},
    {{"PUT /locations/L1", "{}", "{}", NULL}, LIST_L1},
    {{"PUT /locations/L1", "{}", "{}", NULL}, GET_C1},
    {{"DELETE /locations/L1", NULL, "{}", NULL},
	{"GET /locations/search", NULL, NULL, NULL}},
    /* lists that no location owns, read by a credential of another one */
    {{"PUT /locations/L1", "{}", "{}", NULL},
	{"GET /locations/search", NULL, NULL, "L2"}},
    {{"DELETE /locations/L1", NULL, "{}", NULL},
	{"GET /locations/search", NULL, NULL, "L2"}},
    {{"DELETE /locations/L1", NULL, "{}", NULL},
	{"GET /saas/locations", NULL, NULL, "L2"}},
    {{"DELETE /locations/L1", NULL, "{}", NULL},
	{"GET /users/u1", NULL, NULL, "L2"}},
    {{"POST /emails/builder", "{\"locationId\":\"L1\"}", "{}", NULL},
	{"GET /locations/L1/templates", NULL, NULL, NULL}},
    {{"POST /forms/upload-custom-files?contactId=c1&locationId=L1",
	 "--boundary", "{}", NULL},
	GET_C1},
    /* businesses are records too */
    {{"PUT /businesses/b1", "{}", "{}", NULL}, BUSINESS("b1")},
    {{"PUT /businesses/b1", "{}", "{}", NULL}, BUSINESSES_L1},
    {{"PUT /businesses/b1", "{}", "{}", NULL}, GET_C3_OF_B1},
    {{"DELETE /businesses/b1", NULL, "{}", NULL}, GET_C3_OF_B1},
    {{"DELETE /businesses/b1", NULL, "{}", NULL}, OF_BUSINESS_L1},
    {{"PUT /objects/business/records/b1?locationId=L1", "{}", "{}", NULL},
	BUSINESS("b1")},
    {{"PUT /businesses/b1", "{}", "{}", NULL},
	{"GET /objects/business/records/b1", NULL, NULL, NULL}},
    {{"DELETE /objects/x/records/r1", NULL, "{}", NULL},
	{"GET /associations/relations/r1?locationId=L1", NULL, NULL, NULL}},
    /* opportunities, conversations */
    {{"PUT /opportunities/o1/status", "{}", "{}", NULL}, OPPORTUNITY_O1("c1")},
    {{"PUT /opportunities/o1/status", "{}", "{}", NULL}, OPPORTUNITIES_L1},
    {{"POST /opportunities/", "{\"locationId\":\"L1\",\"contactId\":\"c1\"}",
	 "{}", NULL},
	GET_C1},
    {{"POST /opportunities/upsert", "{\"locationId\":\"L1\"}",
	 OPPORTUNITY("o1", "c1"), NULL},
	OPPORTUNITY_O1("c1")},
    {{"POST /conversations/messages", "{\"contactId\":\"c1\"}", "{}", NULL},
	TALKS_L1},
    {{"POST /conversations/messages", "{\"contactId\":\"c1\"}", "{}", NULL},
	GET_C1},
    {{"PUT /conversations/v1", "{\"locationId\":\"L1\"}", "{}", NULL},
	{"GET /conversations/v1", NULL, "{\"locationId\":\"L1\"}", NULL}},
    {{"POST /contacts/", "{\"locationId\":\"L1\",\"tags\":[\"x\"]}",
	 CONTACT("c9"), NULL},
	TAGS_L1},
    {{"POST /contacts/upsert", "{\"locationId\":\"L1\",\"tags\":[]}",
	 CONTACT("c1"), NULL},
	TAGS_L1},
    {DELETE_C1, {"GET /forms/submissions?locationId=L1", NULL, NULL, NULL}},
    {{"PUT /calendars/events/appointments/e7", "{}",
	 "{\"id\":\"e1\",\"contactId\":\"c1\"}", NULL},
	EVENT_E1("c1")},
    {{"DELETE /calendars/k1", NULL, "{}", NULL},
	APPOINTMENTS("c1", "{\"events\":[]}")},
    {{"DELETE /opportunities/o1", NULL, "{}", NULL},
	{"GET /associations/relations/o1?locationId=L1", NULL, NULL, NULL}},
    {{"PUT /opportunities/o1", "{}", OPPORTUNITY("o1", "c1"), NULL}, GET_C1},
    /* money */
    {{"POST /invoices/i1/record-payment",
	 "{\"altId\":\"L1\",\"altType\":\"location\"}", "{}", NULL},
	{"GET /payments/transactions?altId=L1&altType=location", NULL, NULL,
	    NULL}},
    /* paths that the table does not know */
    {{"POST /unheard", "{}", "{}", "L1"}, LIST_L1},
    {{"POST /unheard", "{}", "{}", NULL}, LIST_L2},
    {{"POST /mcp/", "{}", "{}", "L1"}, GET_C1},
    {{"POST /unheard", "{}", "{}", NULL}, {"GET /other", NULL, NULL, NULL}},
    {{"POST /unheard", "{}", "{}", "L1"}, {"GET /other", NULL, NULL, NULL}},
};

static const struct pair sparing[] = {
    {UPDATE_C1, GET_C2},
    {UPDATE_C1, LIST_L2},
    {UPDATE_C1, TASKS("c1")},
    {UPDATE_C1, NOTES("c1")},
    {UPDATE_C1, TASKS("c2")},
    {UPDATE_C1, TAGS_L1},
    {UPDATE_C1, EVENTS_L1},
    {UPDATE_C1, OPPORTUNITY_O1("c2")},
    {UPDATE_C1, BUSINESS("b1")},
    {UPDATE_C1, {"GET /users/?locationId=L1", NULL, NULL, NULL}},
    {UPDATE_C1, {"GET /locations/L1/customFields", NULL, NULL, NULL}},
    {UPDATE_C1, {"GET /calendars/?locationId=L1", NULL, NULL, NULL}},
    {CREATE_L1, GET_C1},
    {CREATE_L1, LIST_L2},
    {UPSERT_C1, GET_C2},
    {UPSERT_LOST, LIST_L2},
    {UPSERT_LOST, {"GET /contacts/c5", NULL,
		      "{\"contact\":{\"locationId\":\"L2\"}}", NULL}},
    {DELETE_C1, GET_C2},
    {DELETE_C1, TASKS("c2")},
    {DELETE_C1, NOTES("c2")},
    {DELETE_C1, APPOINTMENTS("c2", "{\"events\":[]}")},
    {DELETE_C1, EVENT_E1("c2")},
    {DELETE_C1, OPPORTUNITY_O1("c2")},
    {DELETE_C1_L1, LIST_L2},
    {BULK_TAGS, {"GET /contacts/c3", NULL, CONTACT("c3"), NULL}},
    {BULK_BUSINESS, GET_C2},
    {BULK_BUSINESS, BUSINESS("b2")},
    {NEW_NOTE, NOTES("c2")},
    {NEW_NOTE, TASKS("c1")},
    {NEW_NOTE, NOTE("c1", "n1")},
    {NEW_NOTE, GET_C2},
    {NEW_NOTE, LIST_L1},
    {NEW_NOTE, APPOINTMENTS("c1", "{\"events\":[]}")},
    {NEW_TASK, NOTES("c1")},
    {NEW_TASK, TASKS("c2")},
    {NEW_TASK, TASK("c1", "t1")},
    {NEW_TASK, SEARCH_L1},
    {{"PUT /contacts/c1/tasks/t1", "{}", "{\"task\":{}}", NULL},
	TASK("c1", "t2")},
    {BOOK_C1, APPOINTMENTS("c2", "{\"events\":[]}")},
    {BOOK_C1, EVENT_E1("c1")},
    {BOOK_C1, GET_C2},
    {BOOK_C1, LIST_L1},
    {BOOK_C1, TASKS("c1")},
    {BOOK_C1, {"GET /calendars/?locationId=L1", NULL, NULL, NULL}},
    {DELETE_E1, APPOINTMENTS("c2", "{\"events\":[]}")},
    {DELETE_E1, APPOINTMENTS("c1", EVENTS("e2"))},
    {EDIT_E1, APPOINTMENTS("c2", EVENTS("e2"))},
    {WORKFLOW_C1, GET_C2},
    {WORKFLOW_C1, TASKS("c2")},
    {{"PUT /businesses/b1", "{}", "{}", NULL}, GET_C1},
    {{"PUT /businesses/b1", "{}", "{}", NULL}, BUSINESS("b2")},
    {{"PUT /opportunities/o2", "{}", OPPORTUNITY("o2", "c2"), NULL},
	OPPORTUNITY_O1("c1")},
    {{"POST /locations/L1/tags", "{}", "{}", NULL}, GET_C1},
    {{"PUT /locations/L1", "{}", "{}", NULL}, LIST_L2},
    {{"POST /conversations/providers/live-chat/typing",
	 "{\"locationId\":\"L1\"}", "{}", NULL},
	TALKS_L1},
    {{"POST /email/verify?locationId=L1", "{}", "{}", NULL}, LIST_L1},
    {{"POST /oauth/token", "grant_type=refresh_token", "{}", NULL}, LIST_L1},
    {{"POST /unheard", "{}", "{}", "L1"}, LIST_L2},
};

static void test_killing(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(killing) / sizeof(killing[0]); i++)
		if (!api_rig_kills(&killing[i].write, &killing[i].read))
			fail_msg("pair %zu: %s leaves %s", i,
			    killing[i].write.line, killing[i].read.line);
}

static void test_sparing(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(sparing) / sizeof(sparing[0]); i++)
		if (api_rig_kills(&sparing[i].write, &sparing[i].read))
			fail_msg("pair %zu: %s kills %s", i,
			    sparing[i].write.line, sparing[i].read.line);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_killing),
	    cmocka_unit_test(test_sparing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
