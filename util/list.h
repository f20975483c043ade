/* SPDX-License-Identifier: MIT */
/*
 * list.h - a doubly linked list whose links are members of the elements.
 *
 *   struct list head; list_init(&head); list_append(&head, &element->node);
 *   struct element *e = LIST_ITEM(list_first(&head), struct element, node);
 *
 * Invariant: a node that is on no list has next == NULL (list_node_init, or
 * zeroed memory), so list_remove may be called on it again.
 * Owns nothing. Threads: one at a time for each list.
 */
#ifndef UTIL_LIST_H
#define UTIL_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list_node {
    struct list_node *next, *prev;
};

struct list {
    struct list_node root;
};

#define LIST_ITEM(node_ptr, type, member) \
    ((type *)(void *)((char *)(node_ptr) - offsetof(type, member)))

static inline void list_init(struct list *l)
{
    l->root.next = l->root.prev = &l->root;
}

static inline bool list_is_empty(const struct list *l)
{
    return l->root.next == &l->root;
}

/* The first node, or NULL. */
static inline struct list_node *list_first(const struct list *l)
{
    return list_is_empty(l) ? NULL : l->root.next;
}

/* The one behind node, or NULL. */
static inline struct list_node *list_next(const struct list *l, const struct list_node *node)
{
    return node->next == &l->root ? NULL : node->next;
}

static inline void list_append(struct list *l, struct list_node *node)
{
    node->next = &l->root;
    node->prev = l->root.prev;
    l->root.prev->next = node;
    l->root.prev = node;
}

static inline void list_prepend(struct list *l, struct list_node *node)
{
    node->prev = &l->root;
    node->next = l->root.next;
    l->root.next->prev = node;
    l->root.next = node;
}

static inline bool list_has_node(const struct list_node *node)
{
    return node->next != NULL;
}

/* Harmless on a node that is on no list. */
static inline void list_remove(struct list_node *node)
{
    if (node->next == NULL)
        return;
    node->prev->next = node->next;
    node->next->prev = node->prev;
    node->next = node->prev = NULL;
}

#endif
