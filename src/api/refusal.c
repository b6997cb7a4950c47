#include "api/refusal.h"

#include "base/json.h"

#include <stddef.h>

/* Where GHL's services put their words. */
static const char *const places[] = {
    "message", "msg", "error", "error_description"};

#define PLACES_N (sizeof(places) / sizeof(*places))

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

static bool begins_with(struct slice text, size_t at, const char *word)
{
	size_t i = 0;

	for (; word[i]; i++)
		if (at + i == text.n || lower(text.p[at + i]) != word[i])
			return false;
	return true;
}

/* word in lower case. */
static bool contains(struct slice text, const char *word)
{
	for (size_t i = 0; i < text.n; i++)
		if (begins_with(text, i, word))
			return true;
	return false;
}

static bool says(struct slice body, const char *const *words, size_t n)
{
	struct slice text;

	for (size_t i = 0; i < PLACES_N; i++) {
		if (!json_get(body, places[i], &text, NULL))
			continue;
		for (size_t j = 0; j < n; j++)
			if (contains(text, words[j]))
				return true;
	}
	return false;
}

/* A string, or what holds one: an array of messages, {"message":...}. */
static bool is_message(enum json_type type)
{
	return type == JSON_STRING || type == JSON_ARRAY || type == JSON_OBJECT;
}

static bool is_ghls(struct slice body)
{
	enum json_type type;
	struct slice text;

	if (!json_get(body, "", &text, &type) || type != JSON_OBJECT)
		return false;
	for (size_t i = 0; i < PLACES_N; i++)
		if (json_get(body, places[i], &text, &type) && is_message(type))
			return true;
	return false;
}

/* "The token is not authorized for this scope.", "This authClass type is not
 * allowed to access this scope", "version header was not found.", "The token
 * does not have access to this location.", "You do not have permission ...". */
static bool is_about_request(struct slice body)
{
	static const char *const words[] = {"scope", "authclass", "version",
	    "access to this", "does not have access", "permission",
	    "not allowed", "not yet supported"};

	return says(body, words, sizeof(words) / sizeof(*words));
}

/* "Contact not found for id: ..." comes with 400. */
static bool is_about_absence(struct slice body)
{
	static const char *const words[] = {"not found"};

	return says(body, words, 1);
}

enum refusal refusal_of(unsigned status, struct slice body)
{
	if (status < 400 || status >= 500 || !is_ghls(body))
		return REFUSAL_NONE;
	switch (status) {
	case 400:
		return is_about_absence(body) ? REFUSAL_GONE : REFUSAL_NONE;
	case 401:
		return is_about_request(body) ? REFUSAL_REQUEST
					      : REFUSAL_CREDENTIAL;
	case 403:
		return REFUSAL_REQUEST;
	case 404:
	case 410:
		return REFUSAL_GONE;
	default:
		return REFUSAL_NONE;
	}
}
