/* What base/list promises about links that live inside the things they link. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/list.h"

struct thing {
    int         number;
    struct list link;
};

static void assert_numbers(struct list *head, const int *numbers, size_t count)
{
    struct list *link = head->next;

    for (size_t i = 0; i < count; i++, link = link->next) {
        assert_ptr_not_equal(link, head);
        assert_int_equal(CONTAINER_OF(link, struct thing, link)->number, numbers[i]);
        assert_ptr_equal(link->next->prev, link);
    }
    assert_ptr_equal(link, head);
}

static void a_new_list_is_empty(void **state)
{
    struct list head;

    (void)state;
    list_init(&head);
    assert_true(list_is_empty(&head));
    assert_null(list_shift(&head));
}

static void what_is_appended_comes_in_order(void **state)
{
    struct thing one = {.number = 1}, two = {.number = 2}, three = {.number = 3};
    struct list head;

    (void)state;
    list_init(&head);
    list_append(&head, &one.link);
    list_append(&head, &two.link);
    list_append(&head, &three.link);
    assert_false(list_is_empty(&head));
    assert_numbers(&head, (int[]){1, 2, 3}, 3);
}

static void any_link_may_be_taken_out_twice(void **state)
{
    struct thing one = {.number = 1}, two = {.number = 2}, three = {.number = 3};
    struct list head;

    (void)state;
    list_init(&head);
    list_append(&head, &one.link);
    list_append(&head, &two.link);
    list_append(&head, &three.link);
    list_remove(&two.link);
    list_remove(&two.link);
    assert_false(list_is_linked(&two.link));
    assert_numbers(&head, (int[]){1, 3}, 2);

    list_append(&head, &two.link);
    assert_true(list_is_linked(&two.link));
    assert_numbers(&head, (int[]){1, 3, 2}, 3);
}

static void the_first_is_shifted_out(void **state)
{
    struct thing one = {.number = 1}, two = {.number = 2};
    struct list head;

    (void)state;
    list_init(&head);
    list_append(&head, &one.link);
    list_append(&head, &two.link);
    assert_ptr_equal(list_shift(&head), &one.link);
    assert_false(list_is_linked(&one.link));
    assert_ptr_equal(list_shift(&head), &two.link);
    assert_true(list_is_empty(&head));
    assert_null(list_shift(&head));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_list_is_empty),
        cmocka_unit_test(what_is_appended_comes_in_order),
        cmocka_unit_test(any_link_may_be_taken_out_twice),
        cmocka_unit_test(the_first_is_shifted_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
