// A disk that takes its time once: loaded before the C library, so that this is the program's fsync.
#include <unistd.h>

extern "C" int fsync(int /*descriptor*/) {
    static bool is_first = true;
    if (is_first) sleep(6);
    is_first = false;
    return 0;
}
