/*
 * The cache environment in ordinary life: what is put is found, what moved is
 * not, and what it is told outlives the process.
 */
#include "store/cache.h"

#include "base/clock.h"
#include "store_rig.h"

struct fixture {
	char *dir;
	struct cache_options options;
	struct cache *cache;
	struct cache_reader *reader;
};

static int open_fixture(struct fixture *f)
{
	f->cache = rig_start(&f->options);
	f->reader = cache_reader_new(f->cache);
	return f->reader ? 0 : -1;
}

static void close_fixture(struct fixture *f)
{
	cache_reader_free(f->reader);
	rig_stop(f->cache);
}

static void reopen(struct fixture *f)
{
	close_fixture(f);
	assert_int_equal(open_fixture(f), 0);
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->dir = rig_dir_new();
	f->options = rig_options(f->dir);
	*state = f;
	return open_fixture(f);
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	close_fixture(f);
	rig_dir_free(f->dir);
	free(f);
	return 0;
}

/* ---- finding ---- */

static void finds_what_was_put(void **state)
{
	struct fixture *f = *state;
	struct digest128 key = digest_fast(SLICE("k"));
	struct cache_view v;

	assert_true(rig_put(f->cache, "k", 5, RIG_TAGS("contact:1", "all")));
	assert_int_equal(
	    cache_lookup(f->reader, &key, SLICE("k"), RIG_NOW_MS + 1000, &v),
	    CACHE_FRESH);
	assert_int_equal(v.state, CACHE_FRESH);
	assert_int_equal(v.status, 200);
	assert_true(slice_eq(v.head, SLICE(RIG_HEAD)));
	assert_true(slice_eq(v.etag, SLICE("W/\"7\"")));
	assert_int_equal(v.last_modified.n, 0);
	assert_true(
	    slice_eq(v.next_page, SLICE("http://odd.example/x?page=2")));
	assert_ptr_equal(v.next_page.p, v.body.p + 24);
	assert_int_equal(v.authority_n, 18);
	assert_int_equal(v.stored_at_ms, RIG_NOW_MS);
	assert_int_equal(v.age_s, 3);
	assert_int_equal(v.fresh_until_ms, RIG_NOW_MS + 60000);
	assert_int_equal(v.swr_until_ms, RIG_NOW_MS + 90000);
	assert_true(v.is_stale_allowed);
	assert_false(v.must_revalidate);
	assert_int_equal(v.seq, 5);
	assert_int_equal(v.op, 7);
	assert_true(slice_eq(v.op_id, SLICE("contacts.get-contact")));
	assert_true(slice_eq(v.location, SLICE("LOC")));
	cache_release(f->reader);
}

static void keeps_the_terms(void **state)
{
	static const int64_t bounds[] = {INT64_MAX, RIG_NOW_MS, 1};
	struct fixture *f = *state;
	struct digest128 key = digest_fast(SLICE("k"));

	for (size_t i = 0; i < 3; i++) {
		struct cache_put *p =
		    rig_put_new("k", i + 1, RIG_TAGS("all"), 0);
		struct cache_view v;

		p->stale_until_ms = bounds[i];
		p->must_validate = i % 2;
		p->must_revalidate = !p->must_validate;
		assert_true(rig_post(f->cache, p));
		cache_lookup(f->reader, &key, SLICE("k"), RIG_NOW_MS, &v);
		assert_true(v.stale_until_ms == bounds[i]);
		assert_true(v.must_validate == i % 2);
		assert_true(v.must_revalidate != i % 2);
		cache_release(f->reader);
	}
}

/* ---- variants ---- */

/* Under "base", with names; its key is base and variant. */
static bool put_variant(
    struct fixture *f, const char *key, const char *names, uint64_t seq)
{
	struct cache_put *p = rig_put_new(key, seq, RIG_TAGS("all"), 0);

	p->base_key = digest_fast(SLICE("base"));
	p->base_full_key = slice_of(rig_copy("base", 4), 4);
	p->vary = slice_of(rig_copy(names, strlen(names)), strlen(names));
	return rig_post(f->cache, p);
}

/* The lists, joined by "|". */
static const char *lists_of(struct fixture *f, const char *full_key)
{
	static char text[256];
	struct digest128 base = digest_fast(SLICE("base"));
	struct slice lists[CACHE_VARY_LISTS_MAX];
	size_t n =
	    cache_vary_lists(f->reader, &base, slice_of_str(full_key), lists);
	size_t at = 0;

	text[0] = '\0';
	for (size_t i = 0; i < n; i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at, "%.*s|",
		    (int)lists[i].n, lists[i].p);
	cache_release(f->reader);
	return text;
}

static void guides_to_variants(void **state)
{
	struct fixture *f = *state;

	assert_string_equal(lists_of(f, "base"), "");
	assert_true(put_variant(f, "v1", "accept,foo", 1));
	assert_string_equal(lists_of(f, "base"), "accept,foo|");
	assert_true(put_variant(f, "v2", "", 2));
	assert_string_equal(lists_of(f, "base"), "|accept,foo|");
	/* once each, the latest first */
	assert_true(put_variant(f, "v3", "accept,foo", 3));
	assert_string_equal(lists_of(f, "base"), "accept,foo||");
	assert_string_equal(lists_of(f, "other"), "");
	/* a guide is no answer */
	assert_int_equal(rig_state(f->reader, "base"), CACHE_MISS);
	assert_int_equal(rig_state(f->reader, "v1"), CACHE_FRESH);
}

/* All in one transaction: what was found stays readable until the release. */
static void looks_at_several_at_a_time(void **state)
{
	struct fixture *f = *state;
	struct digest128 base = digest_fast(SLICE("base"));
	struct digest128 one = digest_fast(SLICE("v1"));
	struct digest128 other = digest_fast(SLICE("v2"));
	struct slice lists[CACHE_VARY_LISTS_MAX];
	struct cache_view v, w;

	assert_true(put_variant(f, "v1", "a", 1));
	assert_true(put_variant(f, "v2", "b", 2));
	assert_int_equal(
	    cache_vary_lists(f->reader, &base, SLICE("base"), lists), 2);
	cache_lookup(f->reader, &one, SLICE("v1"), RIG_NOW_MS, &v);
	cache_lookup(f->reader, &other, SLICE("v2"), RIG_NOW_MS, &w);
	assert_int_equal(v.state, CACHE_FRESH);
	assert_int_equal(w.state, CACHE_FRESH);
	assert_int_equal(v.seq, 1);
	assert_int_equal(w.seq, 2);
	assert_true(slice_eq(v.body, w.body) && v.body.p != w.body.p);
	assert_true(slice_eq(lists[0], SLICE("b")));
	cache_release(f->reader);
	/* and a lookup without lists begins anew */
	assert_true(rig_put(f->cache, "k", 3, RIG_TAGS("all")));
	assert_int_equal(rig_state(f->reader, "k"), CACHE_FRESH);
}

static void keeps_the_latest_lists(void **state)
{
	struct fixture *f = *state;
	char name[8], wanted[64] = "";

	for (int i = 0; i < CACHE_VARY_LISTS_MAX + 3; i++) {
		snprintf(name, sizeof(name), "n%d", i);
		assert_true(put_variant(f, name, name, 1 + (uint64_t)i));
	}
	for (int i = CACHE_VARY_LISTS_MAX + 2; i >= 3; i--)
		snprintf(wanted + strlen(wanted),
		    sizeof(wanted) - strlen(wanted), "n%d|", i);
	assert_string_equal(lists_of(f, "base"), wanted);
}

/* An answer stored under the base key itself, by an earlier profile say, gives
 * way to the guide. */
static void a_guide_replaces_an_answer(void **state)
{
	struct fixture *f = *state;

	assert_true(rig_put(f->cache, "base", 1, RIG_TAGS("all")));
	assert_string_equal(lists_of(f, "base"), "");
	assert_true(put_variant(f, "v1", "a", 2));
	assert_string_equal(lists_of(f, "base"), "a|");
	assert_int_equal(rig_state(f->reader, "base"), CACHE_MISS);
}

static void misses_another_full_key_of_the_same_digest(void **state)
{
	struct fixture *f = *state;
	struct digest128 key = digest_fast(SLICE("k"));
	struct cache_view v;

	assert_true(rig_put(f->cache, "k", 1, RIG_TAGS("all")));
	assert_int_equal(
	    cache_lookup(f->reader, &key, SLICE("K"), RIG_NOW_MS, &v),
	    CACHE_MISS);
	assert_null(v.body.p);
	cache_release(f->reader);
	assert_int_equal(rig_state(f->reader, "other"), CACHE_MISS);
}

static void expires(void **state)
{
	struct fixture *f = *state;
	static const struct {
		int64_t after_ms;
		enum cache_state state;
	} cases[] = {
	    {0, CACHE_FRESH},
	    {59999, CACHE_FRESH},
	    {60000, CACHE_EXPIRED},
	    {600000, CACHE_EXPIRED},
	    /* clocks of threads differ, but not by minutes */
	    {-1000, CACHE_FRESH},
	    {-60000, CACHE_EXPIRED},
	};

	assert_true(rig_put(f->cache, "k", 1, RIG_TAGS("all")));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(rig_state_at(f->reader, "k",
				     RIG_NOW_MS + cases[i].after_ms),
		    cases[i].state);
	assert_int_equal(
	    rig_state_at(f->reader, "k", INT64_MIN), CACHE_EXPIRED);
}

static void forgets_an_operation_that_changed_its_name(void **state)
{
	struct fixture *f = *state;
	struct digest128 key = digest_fast(SLICE("k"));
	struct cache_view v;
	struct cache_put *p = rig_put_new("k", 1, RIG_TAGS("all"), 0);

	assert_true(rig_post(f->cache, p));
	close_fixture(f);
	f->options.op_id = NULL;
	assert_int_equal(open_fixture(f), 0);
	assert_int_equal(
	    cache_lookup(f->reader, &key, SLICE("k"), RIG_NOW_MS, &v),
	    CACHE_FRESH);
	assert_int_equal(v.op, UINT32_MAX);
	assert_true(slice_eq(v.op_id, SLICE("contacts.get-contact")));
	cache_release(f->reader);
}

/* ---- moving ---- */

static void a_moved_tag_kills_what_was_asked_for_before(void **state)
{
	struct fixture *f = *state;

	assert_true(rig_put(f->cache, "a", 1, RIG_TAGS("contact:1")));
	assert_true(rig_put(f->cache, "b", 1, RIG_TAGS("contact:2")));
	assert_true(rig_move(f->cache, 2, false, RIG_TAGS("contact:1")));
	assert_int_equal(rig_state(f->reader, "a"), CACHE_MISS);
	assert_int_equal(rig_state(f->reader, "b"), CACHE_FRESH);
	assert_true(rig_put(f->cache, "a", 2, RIG_TAGS("contact:1")));
	assert_int_equal(rig_state(f->reader, "a"), CACHE_FRESH);
}

static void a_suspect_tag_only_casts_doubt(void **state)
{
	struct fixture *f = *state;

	assert_true(rig_put(f->cache, "a", 1, RIG_TAGS("contact:1")));
	assert_true(rig_move(f->cache, 2, true, RIG_TAGS("contact:1")));
	assert_int_equal(rig_state(f->reader, "a"), CACHE_SUSPECT);
	/* also past its time: it is doubtful before it is stale */
	assert_int_equal(
	    rig_state_at(f->reader, "a", RIG_NOW_MS + 99000), CACHE_SUSPECT);
	assert_true(rig_move(f->cache, 3, false, RIG_TAGS("contact:1")));
	assert_int_equal(rig_state(f->reader, "a"), CACHE_MISS);
}

static void the_tag_of_all_needs_no_mention(void **state)
{
	struct fixture *f = *state;

	assert_true(rig_put(f->cache, "a", 1, RIG_TAGS("contact:1")));
	assert_true(rig_move(f->cache, 2, false, RIG_TAGS("all")));
	assert_int_equal(rig_state(f->reader, "a"), CACHE_MISS);
}

static void a_late_answer_is_not_stored(void **state)
{
	struct fixture *f = *state;

	assert_true(rig_move(f->cache, 4, false, RIG_TAGS("contact:1")));
	assert_false(rig_put(f->cache, "a", 3, RIG_TAGS("contact:1")));
	assert_int_equal(rig_state(f->reader, "a"), CACHE_MISS);
	assert_true(rig_put(f->cache, "a", 4, RIG_TAGS("contact:1")));
	/* of two answers the one that was asked for later stays */
	assert_true(rig_put(f->cache, "b", 9, RIG_TAGS("contact:2")));
	assert_false(rig_put(f->cache, "b", 8, RIG_TAGS("contact:2")));
}

static void a_movement_never_goes_back(void **state)
{
	struct fixture *f = *state;
	struct digest128 tag = rig_tag("contact:1");
	struct cache_moved moved;

	assert_true(rig_move(f->cache, 7, false, RIG_TAGS("contact:1")));
	assert_true(rig_move(f->cache, 5, false, RIG_TAGS("contact:1")));
	assert_true(rig_move(f->cache, 6, true, RIG_TAGS("contact:1")));
	assert_true(cache_tags_moved(f->reader, &tag, 1, &moved));
	assert_int_equal(moved.epoch, 7);
	assert_int_equal(moved.suspect, 6);
	assert_true(moved.moved_at_ms <= clock_wall_ms());
	assert_true(moved.moved_at_ms > clock_wall_ms() - 60000);
}

static void a_lookup_holds_its_moment(void **state)
{
	struct fixture *f = *state;
	struct digest128 key = digest_fast(SLICE("k"));
	struct digest128 tag = rig_tag("contact:1");
	struct cache_moved moved;
	struct cache_view v;

	assert_true(rig_put(f->cache, "k", 1, RIG_TAGS("contact:1")));
	assert_int_equal(
	    cache_lookup(f->reader, &key, SLICE("k"), RIG_NOW_MS, &v),
	    CACHE_FRESH);
	assert_true(rig_move(f->cache, 2, false, RIG_TAGS("contact:1")));
	assert_true(rig_put(f->cache, "k", 2, RIG_TAGS("contact:1")));
	assert_true(cache_tags_moved(f->reader, &tag, 1, &moved));
	assert_int_equal(moved.epoch, 0);
	assert_memory_equal(v.body.p, "{\"meta\"", 7);
	cache_release(f->reader);
	assert_true(cache_tags_moved(f->reader, &tag, 1, &moved));
	assert_int_equal(moved.epoch, 2);
}

/* ---- outliving the process ---- */

static void a_clean_end_keeps_everything(void **state)
{
	struct fixture *f = *state;

	assert_true(rig_put(f->cache, "a", 10, RIG_TAGS("contact:1")));
	assert_true(rig_put(f->cache, "b", 10, RIG_TAGS("contact:2")));
	assert_true(rig_move(f->cache, 11, false, RIG_TAGS("contact:1")));
	close_fixture(f);
	f->options.boot_id = "boot-2";
	assert_int_equal(open_fixture(f), 0);
	assert_int_equal(cache_last_seq(f->cache), 11);
	assert_int_equal(rig_state(f->reader, "a"), CACHE_MISS);
	assert_int_equal(rig_state(f->reader, "b"), CACHE_FRESH);
}

static void the_sequence_counts_answers_too(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(cache_last_seq(f->cache), 0);
	assert_true(rig_put(f->cache, "a", 41, RIG_TAGS("contact:1")));
	reopen(f);
	assert_int_equal(cache_last_seq(f->cache), 41);
}

/* ---- the store that does not exist ---- */

static void count_refusal(struct cache_put *p, bool is_stored)
{
	int *n = p->arg;

	assert_false(is_stored);
	++*n;
	cache_put_free(p);
}

static void count_uncommitted(struct cache_move *m, bool is_committed)
{
	int *n = m->arg;

	assert_false(is_committed);
	++*n;
	cache_move_free(m);
}

static void without_a_store_everything_misses(void **state)
{
	struct cache_put *p = rig_put_new("a", 1, RIG_TAGS("all"), 0);
	struct cache_move *m = calloc(1, sizeof(*m));
	struct digest128 tag = rig_tag("x");
	struct cache_moved moved;
	struct cache_stat stat;
	int n = 0;

	(void)state;
	p->done = count_refusal;
	p->arg = &n;
	m->done = count_uncommitted;
	m->arg = &n;
	cache_put_post(NULL, p);
	cache_move_post(NULL, m);
	assert_int_equal(n, 2);
	cache_put_post(NULL, rig_put_new("a", 1, RIG_TAGS("all"), 0));
	cache_move_post(NULL, calloc(1, sizeof(*m)));
	assert_null(cache_reader_new(NULL));
	assert_int_equal(rig_state(NULL, "a"), CACHE_MISS);
	assert_false(cache_tags_moved(NULL, &tag, 1, &moved));
	assert_false(cache_writer_start(NULL));
	assert_int_equal(cache_last_seq(NULL), 0);
	cache_stat(NULL, &stat);
	assert_false(stat.is_serving);
	assert_string_equal(stat.trouble, "no store");
	cache_writer_stop(NULL);
	cache_reader_free(NULL);
	cache_close(NULL);
	cache_put_free(NULL);
	cache_move_free(NULL);
}

/* ---- housekeeping ---- */

static bool has_two_entries(void *arg)
{
	struct cache_stat stat;

	cache_stat(arg, &stat);
	return stat.entries == 2;
}

static void housekeeping_removes_what_serves_nobody(void **state)
{
	struct fixture *f = *state;
	struct cache_put *too_old = rig_put_new("old", 1, RIG_TAGS("t"), 0);
	struct cache_put *useless = rig_put_new("never", 1, RIG_TAGS("t"), 0);
	struct cache_put *kept = rig_put_new("kept", 1, RIG_TAGS("t"), 0);
	struct cache_put *asked = rig_put_new("asked", 1, RIG_TAGS("t"), 0);
	int64_t now_ms = clock_wall_ms();
	struct cache_stat stat;

	f->options.keep_stale_ms = 60000;
	cache_set_keep_stale(f->cache, f->options.keep_stale_ms);
	cache_set_keep_stale(NULL, 1);
	too_old->fresh_until_ms = too_old->swr_until_ms =
	    now_ms - f->options.keep_stale_ms - 1000;
	useless->fresh_until_ms = useless->swr_until_ms = now_ms - 1000;
	useless->is_stale_allowed = false;
	useless->answer->etag = SLICE_NONE;
	/* Not to be served, but its upstream can be asked about it. */
	asked->fresh_until_ms = asked->swr_until_ms = now_ms - 1000;
	asked->must_revalidate = true;
	kept->fresh_until_ms = kept->swr_until_ms = now_ms - 1000;
	assert_true(rig_put(f->cache, "dead", 1, RIG_TAGS("contact:1")));
	assert_true(rig_post(f->cache, too_old));
	assert_true(rig_post(f->cache, useless));
	assert_true(rig_post(f->cache, kept));
	assert_true(rig_post(f->cache, asked));
	assert_true(rig_move(f->cache, 2, false, RIG_TAGS("contact:1")));
	assert_true(rig_until(has_two_entries, f->cache));
	assert_int_equal(
	    rig_state_at(f->reader, "kept", now_ms), CACHE_EXPIRED);
	assert_int_equal(
	    rig_state_at(f->reader, "asked", now_ms), CACHE_EXPIRED);
	cache_stat(f->cache, &stat);
	assert_true(stat.is_serving);
	assert_true(stat.is_storing);
	assert_string_equal(stat.trouble, "");
	assert_true(stat.used_bytes > 0);
	assert_int_equal(stat.max_bytes, RIG_MAX_BYTES);
}

/* ---- a directory that cannot be used ---- */

static void expect_trouble(const struct cache_options *o, const char *trouble)
{
	struct cache *c = rig_open(o);
	struct cache_stat stat;

	cache_stat(c, &stat);
	assert_false(stat.is_serving);
	assert_false(stat.is_storing);
	assert_string_equal(stat.trouble, trouble);
	cache_close(c);
}

static void a_file_in_the_way_is_named(void **state)
{
	struct fixture *f = *state;
	struct cache_options o = f->options;
	char *path = rig_path(f->dir, "data.mdb");

	o.dir = path;
	expect_trouble(&o, "Not a directory");
	free(path);
}

static void a_missing_parent_is_named(void **state)
{
	struct fixture *f = *state;
	struct cache_options o = f->options;
	char *path = rig_path(f->dir, "none/cache");

	o.dir = path;
	expect_trouble(&o, "No such file or directory");
	free(path);
}

#define WITH_CACHE(test) \
	cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WITH_CACHE(finds_what_was_put),
	    WITH_CACHE(keeps_the_terms),
	    WITH_CACHE(guides_to_variants),
	    WITH_CACHE(looks_at_several_at_a_time),
	    WITH_CACHE(keeps_the_latest_lists),
	    WITH_CACHE(a_guide_replaces_an_answer),
	    WITH_CACHE(misses_another_full_key_of_the_same_digest),
	    WITH_CACHE(expires),
	    WITH_CACHE(forgets_an_operation_that_changed_its_name),
	    WITH_CACHE(a_moved_tag_kills_what_was_asked_for_before),
	    WITH_CACHE(a_suspect_tag_only_casts_doubt),
	    WITH_CACHE(the_tag_of_all_needs_no_mention),
	    WITH_CACHE(a_late_answer_is_not_stored),
	    WITH_CACHE(a_movement_never_goes_back),
	    WITH_CACHE(a_lookup_holds_its_moment),
	    WITH_CACHE(a_clean_end_keeps_everything),
	    WITH_CACHE(the_sequence_counts_answers_too),
	    WITH_CACHE(housekeeping_removes_what_serves_nobody),
	    WITH_CACHE(a_file_in_the_way_is_named),
	    WITH_CACHE(a_missing_parent_is_named),
	    cmocka_unit_test(without_a_store_everything_misses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
