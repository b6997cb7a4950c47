/* What the parts of a front share. Nobody outside src/front includes it. */
#ifndef FRONT_FRONT_INTERNAL_H
#define FRONT_FRONT_INTERNAL_H

#include "base/pulse.h"
#include "front/request.h"
#include "http/date.h"
#include "store/usage_collect.h"

#include <pthread.h>

struct event;

struct front {
	unsigned index;
	struct front_options options;
	const struct front_settings *settings; /* of now */
	pthread_t thread;
	bool is_running;
	bool is_draining;
	int64_t drain_at_ms; /* mono; the deadline; 0: not draining */
	int64_t idle_until_ms; /* mono; draining: idle ones are kept */
	struct pulse pulse;
	char name[16];
	struct event_base *base;
	struct listener *listener;
	struct mailbox *mailbox;
	struct event *mailbox_event;
	struct event *tick;
	struct usage_table *usage; /* owned; until it is collected */
	struct cache_reader *reader; /* NULL: without a store */
	struct request *slots; /* owned */
	struct request *free_slots;
	unsigned used_slots;
	struct mail drain_mail;
	struct mail hurry_mail;
	struct mail notify_mail;
	char id_prefix[9]; /* of request ids: random, per front and start */
	uint64_t next_id;
	/* Scratch of one reply, kept to spare the allocator. */
	struct buf own_head;
	struct buf head_304;
	struct buf base_url;
	struct buf error_body;
	struct buf variant_key;
	struct buf masked; /* target for the log */
	struct buf overload; /* the whole reply for want of a slot */
	/* Date of this second. */
	int64_t date_s;
	char date[HTTP_DATE_SIZE];
};

#endif
