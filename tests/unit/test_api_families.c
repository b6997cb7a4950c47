/*
 * Read your writes over the whole operation table: what each write must move,
 * by families of operations. test_api_closure looks at single requests.
 */
#include "api_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

/* ---- operations without details ---- */

static void context_of(const struct api_op *op, const char *location,
    struct api_match *m, struct api_context *c)
{
	static const struct slice names[] = {{"contactId", 9}, {"id", 2},
	    {"taskId", 6}, {"eventId", 7}, {"businessId", 10},
	    {"appointmentId", 13}};

	*m = (struct api_match){.op = op, .params_n = API_PARAMS_MAX};
	for (size_t i = 0; i < API_PARAMS_MAX; i++) {
		m->params[i].name = names[i];
		m->params[i].value = SLICE("x1");
	}
	*c = (struct api_context){
	    .match = m,
	    .path = slice_of_str(op->template),
	    .location = slice_of_str(location),
	};
}

/* Of a write, the body and the answer are there and name nothing. */
static bool op_kills(const struct api_op *write, const char *write_location,
    const struct api_op *read, const char *read_location)
{
	struct tag_set moved, seen;
	struct api_match m;
	struct api_context c;
	bool is_killed;

	tag_set_init(&moved);
	tag_set_init(&seen);
	context_of(write, write_location, &m, &c);
	c.body = c.answer = SLICE("{}");
	api_tags_moved(&c, &moved);
	context_of(read, read_location, &m, &c);
	api_tags_read(&c, &seen);
	is_killed = tag_sets_meet(&moved, &seen);
	tag_set_fini(&moved);
	tag_set_fini(&seen);
	return is_killed;
}

/* ---- families ---- */

/* Each of these writes can change what each of these reads shows. Ids of
 * operations, space separated. */
struct family {
	const char *writes, *reads;
};

#define CONTACT_LISTS \
	"contacts.get-contacts contacts.search-contacts-advanced " \
	"contacts.get-duplicate-contact contacts.get-contacts-by-businessId "
#define FIELDS \
	"locations.get-custom-fields locations.get-custom-field " \
	"custom-fields.get-custom-field-by-id " \
	"custom-fields.get-custom-fields-by-object-key " \
	"objects.get-object-schema-by-key objects.get-object-by-location-id "

static const struct family families[] = {
    {"contacts.create-contact contacts.upsert-contact contacts.update-contact "
     "contacts.delete-contact contacts.add-tags contacts.remove-tags "
     "contacts.add-followers-contact contacts.remove-followers-contact "
     "contacts.create-association contacts.add-remove-contact-from-business "
     "contacts.add-contact-to-campaign contacts.remove-contact-from-campaign "
     "contacts.remove-contact-from-every-campaign "
     "contacts.add-contact-to-workflow contacts.delete-contact-from-workflow "
     "locations.update-tag locations.delete-tag",
	CONTACT_LISTS
	"conversations.search-conversation opportunities.search-opportunity "
	"opportunities.search-opportunities-advanced locations.task-search"},
    {"contacts.create-task contacts.update-task contacts.delete-task "
     "contacts.update-task-completed locations.create-recurring-task "
     "locations.update-recurring-task locations.delete-recurring-task",
	"contacts.get-all-tasks locations.task-search contacts.get-contact "
	"opportunities.search-opportunity"},
    {"contacts.update-task contacts.delete-task "
     "contacts.update-task-completed locations.update-recurring-task "
     "locations.delete-recurring-task",
	"contacts.get-task"},
    {"contacts.create-note contacts.update-note contacts.delete-note",
	"contacts.get-all-notes contacts.get-contact "
	"opportunities.search-opportunity"},
    {"calendars.create-appointment calendars.edit-appointment "
     "calendars.delete-event calendars.delete-calendar",
	"calendars.get-calendar-events calendars.get-blocked-slots "
	"calendars.get-slots conversations.search-conversation "
	"opportunities.search-opportunity"},
    {"calendars.create-appointment-note calendars.update-appointment-note "
     "calendars.delete-appointment-note",
	"calendars.get-appointment-notes contacts.get-all-notes"},
    {"calendars.create-appointment-note calendars.update-appointment-note",
	"contacts.get-contact"},
    {"opportunities.create-opportunity opportunities.Upsert-opportunity "
     "opportunities.update-opportunity opportunities.delete-opportunity "
     "opportunities.update-opportunity-status "
     "opportunities.add-followers-opportunity "
     "opportunities.remove-followers-opportunity",
	CONTACT_LISTS "opportunities.search-opportunity "
		      "opportunities.search-opportunities-advanced "
		      "conversations.search-conversation"},
    {"businesses.create-business businesses.update-business "
     "businesses.delete-Business objects.create-object-record "
     "objects.update-object-record objects.delete-object-record",
	"businesses.get-businesses-by-location objects.search-object-records"},
    {"businesses.update-business businesses.delete-Business",
	CONTACT_LISTS "businesses.get-business objects.get-record-by-id "
		      "locations.task-search"},
    {"businesses.delete-Business objects.delete-object-record "
     "associations.create-relation associations.delete-relation",
	"associations.get-relations-by-record-id"},
    {"locations.create-custom-field locations.update-custom-field "
     "locations.delete-custom-field custom-fields.create-custom-field "
     "custom-fields.update-custom-field custom-fields.delete-custom-field "
     "custom-fields.create-custom-field-folder "
     "custom-fields.update-custom-field-folder "
     "custom-fields.delete-custom-field-folder",
	FIELDS},
    {"locations.update-custom-field locations.delete-custom-field "
     "locations.upload-file-customFields custom-fields.update-custom-field "
     "custom-fields.delete-custom-field",
	CONTACT_LISTS "contacts.get-contact opportunities.get-opportunity "
		      "objects.get-record-by-id objects.search-object-records"},
    {"locations.upload-file-customFields",
	"locations.get-custom-field medias.fetch-media-content"},
    {"locations.update-tag locations.delete-tag",
	"locations.get-location-tags locations.get-tag-by-id "
	"contacts.get-contact opportunities.get-opportunity"},
    {"locations.put-location locations.delete-location",
	CONTACT_LISTS "locations.get-location locations.get-timezones "
		      "locations.get-location-tags users.get-user-by-location"},
    {"locations.create-location locations.put-location "
     "locations.delete-location",
	"locations.search-locations"},
    {"locations.create-location locations.delete-location",
	"saas-api.locations saas-api.get-saas-locations"},
    {"locations.delete-location", "users.get-user users.search-users"},
};

static const struct api_op *next_op(struct slice ids, size_t *at)
{
	size_t end = slice_find(ids, *at, ' ');
	struct slice id = slice_sub(ids, *at, end);
	const struct api_op *op = api_by_id(id);

	if (!op)
		fail_msg("no operation %.*s", (int)id.n, id.p);
	*at = end + 1;
	return op;
}

static void check_family(const struct family *f)
{
	struct slice writes = slice_of_str(f->writes);
	struct slice reads = slice_of_str(f->reads);

	for (size_t i = 0; i < writes.n;) {
		const struct api_op *write = next_op(writes, &i);

		for (size_t j = 0; j < reads.n;) {
			const struct api_op *read = next_op(reads, &j);

			if (!op_kills(write, "L1", read, "L1"))
				fail_msg("%s leaves %s", write->id, read->id);
		}
	}
}

static void test_families(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++)
		check_family(&families[i]);
}

static struct slice app_of(const struct api_op *op)
{
	struct slice id = slice_of_str(op->id);

	return slice_sub(id, 0, slice_find(id, 0, '.'));
}

/* Apps whose writes move everything that the app shows. */
static const char *const whole_apps[] = {"agent-studio", "blogs",
    "brand-boards", "conversation-ai", "custom-fields", "custom-menus",
    "emails", "funnels", "knowledge-base", "links", "marketplace", "medias",
    "payments", "phone-system", "products", "proposals", "saas-api",
    "snapshots", "social-media-posting", "store", "users", "voice-ai"};

static bool is_whole(const struct api_op *op)
{
	for (size_t i = 0; i < sizeof(whole_apps) / sizeof(whole_apps[0]); i++)
		if (slice_eq(app_of(op), slice_of_str(whole_apps[i])))
			return true;
	return false;
}

static void check_in_app(const struct api_op *write)
{
	static const char *const places[] = {NULL, "L1"};

	for (size_t i = 0; i < api_ops_n(); i++) {
		const struct api_op *read = api_op_at(i);

		if (!api_class_is_read(read->class) ||
		    !slice_eq(app_of(read), app_of(write)))
			continue;
		for (size_t j = 0; j < 4; j++)
			if (!op_kills(
				write, places[j / 2], read, places[j % 2]))
				fail_msg("%s leaves %s", write->id, read->id);
	}
}

static void test_whole_apps(void **state)
{
	size_t n = 0;

	(void)state;
	for (size_t i = 0; i < api_ops_n(); i++) {
		const struct api_op *op = api_op_at(i);

		if (!is_whole(op) || op->tags_moved[0] == '\0')
			continue;
		check_in_app(op);
		n++;
	}
	assert_true(n > 100);
}

/* Each advertising network is such a family by itself. */
static void test_networks(void **state)
{
	(void)state;
	for (size_t i = 0; i < api_ops_n(); i++) {
		const struct api_op *w = api_op_at(i);
		struct slice net = slice_of_str(w->template);

		if (w->class != API_CLASS_WRITE ||
		    !slice_eq(app_of(w), SLICE("ad-manager")))
			continue;
		net = slice_sub(net, 0, slice_find(net, 15, '/'));
		for (size_t j = 0; j < api_ops_n(); j++) {
			const struct api_op *r = api_op_at(j);

			if (!api_class_is_read(r->class) ||
			    !slice_eq(app_of(r), app_of(w)))
				continue;
			assert_int_equal(op_kills(w, "L1", r, "L1"),
			    slice_starts(slice_of_str(r->template), net));
		}
	}
}

/* Writes that change nothing that can be read. A new one is argued here. */
static void test_harmless_writes(void **state)
{
	static const char *const harmless[] = {"calendars.validate-groups-slug",
	    "conversations.live-chat-agent-typing", "email-isv.verify-email",
	    "oauth.get-access-token", "oauth.get-location-access-token",
	    "store.get-available-shipping-zones"};
	size_t n = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(harmless) / sizeof(harmless[0]); i++) {
		const struct api_op *op = api_by_id(slice_of_str(harmless[i]));

		assert_non_null(op);
		assert_string_equal(op->tags_moved, "");
	}
	for (size_t i = 0; i < api_ops_n(); i++)
		n += api_op_at(i)->class == API_CLASS_WRITE &&
		     api_op_at(i)->tags_moved[0] == '\0';
	assert_int_equal(n, sizeof(harmless) / sizeof(harmless[0]));
}

/* Does some operation's rules name this tag? */
static bool is_named(struct slice name, bool in_writes)
{
	for (size_t i = 0; i < api_ops_n(); i++) {
		struct slice rules =
		    slice_of_str(in_writes ? api_op_at(i)->tags_moved
					   : api_op_at(i)->tags_read);

		for (size_t at = 0; at < rules.n;) {
			size_t end = slice_find(rules, at, ' ');
			struct slice rule = slice_sub(rules, at, end);

			if (slice_starts(rule, name) && rule.n > name.n &&
			    (rule.p[name.n] == ':' || rule.p[name.n] == '@'))
				return true;
			at = end + 1;
		}
	}
	return false;
}

static void check_names(const char *text, bool in_writes)
{
	/* Nothing documented writes these. */
	static const char *const unmoved[] = {"affiliates", "campaigns",
	    "companies", "forms", "lost-reasons", "pipelines", "surveys",
	    "workflows"};
	struct slice rules = slice_of_str(text);

	for (size_t at = 0; at < rules.n;) {
		size_t end = slice_find(rules, at, ' ');
		struct slice rule = slice_sub(rules, at, end);
		size_t colon = slice_find(rule, 0, ':');
		struct slice name = slice_sub(
		    rule, 0, slice_find(slice_sub(rule, 0, colon), 0, '@'));
		bool is_expected = !slice_eq(name, SLICE("everything"));

		for (size_t i = 0; !in_writes && i < 8; i++)
			if (slice_eq(name, slice_of_str(unmoved[i])))
				is_expected = false;
		if (is_named(name, !in_writes) != is_expected)
			fail_msg("%.*s: %s", (int)name.n, name.p,
			    is_expected ? "has no other side"
					: "is not expected to have one");
		at = end + 1;
	}
}

/* A tag that only one side knows is a misspelt one. */
static void test_every_name_has_both_sides(void **state)
{
	(void)state;
	for (size_t i = 0; i < api_ops_n(); i++) {
		check_names(api_op_at(i)->tags_read, false);
		check_names(api_op_at(i)->tags_moved, true);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_families),
	    cmocka_unit_test(test_whole_apps),
	    cmocka_unit_test(test_networks),
	    cmocka_unit_test(test_harmless_writes),
	    cmocka_unit_test(test_every_name_has_both_sides),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
