/* test_mnist_config.c - the trainer's settings: out as JSON and in again, all of them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <valgrad/valgrad.h>

#include "mnist.h"
#include "testing.h"

START_TEST(defaults_survive_a_round)
{
    Config config = config_defaults(), again = config_defaults();
    ck_assert_ptr_null(config_complete(&config));
    char *text = config_to_json(&config);
    ck_assert_ptr_nonnull(text);
    ck_assert_ptr_null(config_from_json(&again, text, strlen(text), BY_FILE));
    char *second = config_to_json(&again);
    ck_assert_str_eq(text, second);
    ck_assert_ptr_nonnull(strstr(text, "\"layers\":\t[128]"));
    ck_assert_ptr_nonnull(strstr(text, "\"optimizer\":\t\"sgd\""));
    ck_assert_ptr_nonnull(strstr(text, "\"shuffle\":\ttrue"));
    ck_assert_ptr_null(strstr(text, "\"quiet\""));
    free(text);
    free(second);
}
END_TEST

/* Any value that the command line takes, far from the default. */
static const char *sample(const Setting *setting, char text[60])
{
    switch (setting->kind) {
    case WHOLE:
        snprintf(text, 60, "%.0f", setting->low + 1);
        break;
    case NUMBER:
        snprintf(text, 60, "%.17g", 0.3 * setting->low + 0.7 * setting->high);
        break;
    case CHOICE:
        snprintf(text, 60, "%s", setting->choice(1));
        break;
    case LIST:
        snprintf(text, 60, "3,2,1");
        break;
    case FLAG:
        snprintf(text, 60, "true");
        break;
    case TEXT:
        snprintf(text, 60, "a \"b\"\n\xc3\xa4");
        break;
    case SERIES:
        snprintf(text, 60, "0.5,-1e-3");
        break;
    case TITLE:
        return NULL;
    }
    return text;
}

START_TEST(every_setting_survives_a_round)
{
    Config config = config_defaults(), again = config_defaults();
    char room[60];
    for (int i = 0; i < setting_count; i++) {
        const char *text = sample(&settings[i], room);
        const char *error = text ? config_set(&config, &settings[i], text, BY_FILE) : NULL;
        ck_assert_msg(!error, "%s: %s", settings[i].name, error);
        ck_assert_ptr_eq(text ? setting_find(settings[i].name) : &settings[i], &settings[i]);
    }
    char *text = config_to_json(&config);
    const char *error = config_from_json(&again, text, strlen(text), BY_FILE);
    ck_assert_msg(!error, "%s", error);
    char *second = config_to_json(&again);
    ck_assert_str_eq(text, second);
    for (int i = 0; i < setting_count; i++)
        if (settings[i].name && !(settings[i].commands & RUN) && setting_applies(&config, &settings[i]))
            ck_assert_msg(strstr(text, settings[i].name) != NULL, "no %s", settings[i].name);
    free(text);
    free(second);
    config_free(&config);
    config_free(&again);
}
END_TEST

/* ---- what belongs together, said at different places ------------------------------------------- */

static void read_json(Config *config, const char *text, Origin origin)
{
    const char *error = config_from_json(config, text, strlen(text), origin);
    ck_assert_msg(!error, "%s", error);
}

static void type(Config *config, const char *name, const char *text)
{
    ck_assert_ptr_null(config_set(config, setting_find(name), text, BY_COMMAND_LINE));
}

#define MODEL                                                                                      \
    "{\"optimizer\": \"sgd\", \"lr\": 0.3, \"momentum\": 0.5, \"nesterov\": true, "                \
    "\"schedule\": \"step\", \"schedule-factor\": 0.7, \"batch\": 7}"

/* Another optimizer brings settings of its own; what has nothing to do with it stays. */
START_TEST(another_choice_drops_what_came_with_the_first)
{
    Config config = config_defaults();
    read_json(&config, MODEL, BY_MODEL);
    type(&config, "optimizer", "adam");
    type(&config, "schedule", "cosine");
    ck_assert_ptr_null(config_complete(&config));
    ck_assert_double_eq(config.lr, 0.001);
    ck_assert_double_eq(config.momentum, 0);
    ck_assert_int_eq(config.nesterov, false);
    ck_assert_double_eq(config.schedule_factor, 0.1);
    ck_assert_int_eq(config.batch, 7);
}
END_TEST

START_TEST(the_same_choice_drops_nothing)
{
    Config config = config_defaults();
    read_json(&config, MODEL, BY_MODEL);
    type(&config, "optimizer", "sgd");
    ck_assert_ptr_null(config_complete(&config));
    ck_assert_double_eq(config.lr, 0.3);
    ck_assert_double_eq(config.momentum, 0.5);
}
END_TEST

/* A learning rate that was said without an optimizer, or later than it, is for any. */
START_TEST(what_did_not_come_with_the_first_choice_stays)
{
    Config config = config_defaults();
    read_json(&config, "{\"lr\": 0.01, \"momentum\": 0.5}", BY_FILE);
    type(&config, "optimizer", "adam");
    ck_assert_ptr_null(config_complete(&config));
    ck_assert_double_eq(config.lr, 0.01);
    ck_assert_double_eq(config.momentum, 0);

    config = config_defaults();
    read_json(&config, MODEL, BY_MODEL);
    read_json(&config, "{\"lr\": 0.02}", BY_FILE);
    type(&config, "optimizer", "adam");
    ck_assert_ptr_null(config_complete(&config));
    ck_assert_double_eq(config.lr, 0.02);
}
END_TEST

START_TEST(no_momentum_switches_nesterov_off)
{
    Config config = config_defaults();
    read_json(&config, MODEL, BY_MODEL);
    type(&config, "momentum", "0");
    ck_assert_ptr_null(config_complete(&config));
    ck_assert_int_eq(config.nesterov, false);
}
END_TEST

/* Said together, or after what it does not go with, it is a mistake. */
START_TEST(what_does_not_go_together_is_told)
{
    Config config = config_defaults();
    read_json(&config, "{\"momentum\": 0.5, \"optimizer\": \"adam\"}", BY_FILE);
    ck_assert_str_eq(config_complete(&config), "--optimizer adam does not take --momentum");

    config = config_defaults();
    read_json(&config, "{\"optimizer\": \"adam\"}", BY_FILE);
    type(&config, "momentum", "0.5");
    ck_assert_str_eq(config_complete(&config), "--optimizer adam does not take --momentum");
}
END_TEST

START_TEST(names_are_one_each)
{
    for (int i = 0; i < setting_count; i++)
        for (int j = 0; j < i; j++)
            if (settings[i].name && settings[j].name)
                ck_assert_str_ne(settings[i].name, settings[j].name);
    ck_assert_ptr_null(setting_find("bogus"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("mnist_config");
    TCase *cases = new_case(suite, "config", 10);
    tcase_add_test(cases, defaults_survive_a_round);
    tcase_add_test(cases, every_setting_survives_a_round);
    tcase_add_test(cases, another_choice_drops_what_came_with_the_first);
    tcase_add_test(cases, the_same_choice_drops_nothing);
    tcase_add_test(cases, what_did_not_come_with_the_first_choice_stays);
    tcase_add_test(cases, no_momentum_switches_nesterov_off);
    tcase_add_test(cases, what_does_not_go_together_is_told);
    tcase_add_test(cases, names_are_one_each);
    return run_suite(suite);
}
