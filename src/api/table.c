#include "api/op.h"

#include <assert.h>

#define SECOND_MS 1000u
#define MINUTE_MS (60u * SECOND_MS)

/*
 * How long a read is fresh, by what it shows. Users are promised these times:
 * a change belongs into the manual too.
 */
/* One record and what hangs under it; fetched anew after a write. */
#define KIND_RECORD .ttl_ms = 30 * SECOND_MS, .is_refetched = true
#define KIND_RECORD_SHORT .ttl_ms = 15 * SECOND_MS, .is_refetched = true
#define KIND_LIST .ttl_ms = 15 * SECOND_MS
/* A list that comes from a search index, which lags behind writes. */
#define KIND_INDEX .ttl_ms = 15 * SECOND_MS, .is_settling = true
/* Conversations and blocked slots: people are waiting for the next one. */
#define KIND_TALK .ttl_ms = 5 * SECOND_MS
#define KIND_TALK_INDEX .ttl_ms = 5 * SECOND_MS, .is_settling = true
/* Progress of a job. */
#define KIND_STATUS .ttl_ms = 5 * SECOND_MS
/* Asked before something is created: yesterday's answer makes duplicates. */
#define KIND_CHECK .ttl_ms = 0, .stale = API_STALE_NEVER
#define KIND_MONEY .ttl_ms = 0, .stale = API_STALE_NEVER
/* Changed by people in a settings page. */
#define KIND_SETTING .ttl_ms = 10 * MINUTE_MS, .swr_ms = 10 * MINUTE_MS
#define KIND_MINUTE .ttl_ms = MINUTE_MS

/*
 * Cross-links: what else shows a changed thing.
 */
/* Fields of a contact stand in the rows of these. */
#define SHOWS_CONTACT "contacts@ conversations@ opportunities@ tasks@"
/* What a campaign or workflow may do to a contact, at once or later. */
#define ALL_OF_CONTACT \
	"contact:{contactId} contact-tree:{contactId} location-tags@ " \
	"events@ " SHOWS_CONTACT
/* Recurring tasks make tasks for contacts that the request need not name. */
#define ALL_TASKS "task@ contact-tasks@ contact@ tasks@ opportunities@"
/* Searches of opportunities can include a contact's events. */
#define SHOWS_APPOINTMENT "events@ conversations@ opportunities@"
/* ... and its unread conversations. */
#define SHOWS_MESSAGE "conversations@ opportunities@"
/* Contacts can be searched by opportunity; conversations tell of changes. */
#define SHOWS_OPPORTUNITY "opportunities@ contacts@ conversations@"
/* Records that carry values of custom fields. */
#define FIELD_VALUES "contact@ opportunity@ record@ records@ " SHOWS_CONTACT

/*
 * Rows. Reads: id, template, kind, scopes, Version, location, tags read.
 * Writes: id, template, scopes, Version, location, tags moved, then flags.
 */
#define READ(m, c, i, t, kind, s, v, loc, tags) \
	{.id = i, \
	    .method = m, \
	    .template = t, \
	    .class = c, \
	    KIND_##kind, \
	    .scopes = s, \
	    .version = v, \
	    .location = loc, \
	    .tags_read = tags, \
	    .tags_moved = ""},
#define ONCE(c, i, t, s, v, loc, ...) \
	{.id = i, \
	    .method = API_GET, \
	    .template = t, \
	    .class = c, \
	    .stale = API_STALE_NEVER, \
	    .scopes = s, \
	    .version = v, \
	    .location = loc, \
	    .tags_read = "", \
	    .tags_moved = "", \
	    __VA_ARGS__},
#define WRITE(m, i, t, s, v, loc, tags, ...) \
	{.id = i, \
	    .method = m, \
	    .template = t, \
	    .class = API_CLASS_WRITE, \
	    .stale = API_STALE_NEVER, \
	    .scopes = s, \
	    .version = v, \
	    .location = loc, \
	    .tags_read = "", \
	    .tags_moved = tags, \
	    __VA_ARGS__},

#define GET(...) READ(API_GET, API_CLASS_CACHE, __VA_ARGS__)
#define GET_SHORT(...) READ(API_GET, API_CLASS_SHORT, __VA_ARGS__)
#define SEARCH(...) READ(API_POST, API_CLASS_READ_POST, __VA_ARGS__)
#define GET_NEVER(...) ONCE(API_CLASS_NEVER, __VA_ARGS__)
#define GET_STREAM(...) ONCE(API_CLASS_STREAM, __VA_ARGS__)
#define POST(...) WRITE(API_POST, __VA_ARGS__)
#define PUT(...) WRITE(API_PUT, __VA_ARGS__)
#define PATCH(...) WRITE(API_PATCH, __VA_ARGS__)
#define DELETE(...) WRITE(API_DELETE, __VA_ARGS__)

#define QUEUEABLE .is_queueable = true
#define ALIAS(t) .alias = t
#define V_2021_04 "2021-04-15"
#define V_2021_07 "2021-07-28"

/* In the byte order of the first path segment: the look-up bisects. */
static const struct api_op table[] = {
#include "api/ops/ad-manager.def"
#include "api/ops/affiliate-manager.def"
#include "api/ops/agent-studio.def"
#include "api/ops/associations.def"
#include "api/ops/blogs.def"
#include "api/ops/brand-boards.def"
#include "api/ops/businesses.def"
#include "api/ops/calendars.def"
#include "api/ops/campaigns.def"
#include "api/ops/companies.def"
#include "api/ops/contacts.def"
#include "api/ops/conversation-ai.def"
#include "api/ops/conversations.def"
#include "api/ops/courses.def"
#include "api/ops/custom-fields.def"
#include "api/ops/custom-menus.def"
#include "api/ops/email-isv.def"
#include "api/ops/emails.def"
#include "api/ops/forms.def"
#include "api/ops/funnels.def"
#include "api/ops/invoices.def"
#include "api/ops/knowledge-base.def"
#include "api/ops/links.def"
#include "api/ops/locations.def"
#include "api/ops/marketplace.def"
#include "api/ops/medias.def"
#include "api/ops/oauth.def"
#include "api/ops/objects.def"
#include "api/ops/opportunities.def"
#include "api/ops/payments.def"
#include "api/ops/phone-system.def"
#include "api/ops/products.def"
#include "api/ops/proposals.def"
#include "api/ops/saas-api.def"
#include "api/ops/snapshots.def"
#include "api/ops/social-media-posting.def"
#include "api/ops/store.def"
#include "api/ops/surveys.def"
#include "api/ops/users.def"
#include "api/ops/voice-ai.def"
#include "api/ops/workflows.def"
};

size_t api_ops_n(void)
{
	return sizeof(table) / sizeof(table[0]);
}

const struct api_op *api_op_at(size_t i)
{
	assert(i < api_ops_n());
	return &table[i];
}

size_t api_op_index(const struct api_op *op)
{
	assert(op >= table && op < table + api_ops_n());
	return (size_t)(op - table);
}
