/* commands.c - which there are. */
#include "mnist.h"

const Command *const commands[] = {
    &command_train, &command_eval, &command_predict,    &command_show, &command_export,
    &command_info,  &command_man,  &command_completion, NULL,
};
