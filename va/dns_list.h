/* Jobs of dns_lanes.h in the order in which they came. */
#ifndef CAIRN_VA_DNS_LIST_H
#define CAIRN_VA_DNS_LIST_H

#include "va/dns_lanes.h"

struct dns_list {
	struct dns_job *first;
	struct dns_job **end;
};

static inline void dns_list_init(struct dns_list *list)
{
	*list = (struct dns_list) { .end = &list->first };
}

static inline void dns_list_add(struct dns_list *list, struct dns_job *job)
{
	job->next = NULL;
	job->at = list->end;
	*list->end = job;
	list->end = &job->next;
}

/* It must be in the list, by dns_list_add. */
static inline void dns_list_remove(struct dns_list *list, struct dns_job *job)
{
	*job->at = job->next;
	if (job->next != NULL) {
		job->next->at = job->at;
	} else {
		list->end = job->at;
	}
}

/* All of them; none is left. */
static inline struct dns_job *dns_list_take(struct dns_list *list)
{
	struct dns_job *first = list->first;
	dns_list_init(list);
	return first;
}

/* With all that is theirs. */
static inline void dns_list_free(struct dns_list *list)
{
	struct dns_job *job = dns_list_take(list);
	while (job != NULL) {
		struct dns_job *next = job->next;
		arena_free(job->arena);
		job = next;
	}
}

#endif
