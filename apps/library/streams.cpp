#include <dlfcn.h>

/// Debian's archives of HDF5 and libmatio are compiled for programs: in a library they can only reach what is in it.
/// These are glibc's streams under their names, for this library alone.
extern "C" {
void* own_stdout __asm__("stdout") __attribute__((visibility("hidden"))) = nullptr;
void* own_stderr __asm__("stderr") __attribute__((visibility("hidden"))) = nullptr;
}

namespace {

// Before anything of the library runs.
__attribute__((constructor(101))) void find_streams() {
    own_stdout = *static_cast<void**>(dlsym(RTLD_NEXT, "stdout"));
    own_stderr = *static_cast<void**>(dlsym(RTLD_NEXT, "stderr"));
}

}  // namespace
