/* fuzz_config.c - the trainer's settings as JSON: what is taken is written, and read again the same. */
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    Config config = config_defaults(), again = config_defaults();
    if (!config_from_json(&config, (const char *)data, size, BY_FILE) &&
        !config_complete(&config)) {
        char *text = config_to_json(&config);
        FUZZ_CHECK(text && !config_from_json(&again, text, strlen(text), BY_FILE));
        FUZZ_CHECK(!config_complete(&again));
        free(text);
    }
    config_free(&config);
    config_free(&again);
    return 0;
}
