#include "abi_tag.hpp"

namespace {

// As far as the host reads before it refuses: the tag.
struct Plugin {
    const char* abi;
    void* info;
    void* make;
};

}  // namespace

extern "C" [[gnu::visibility("default")]] constinit const Plugin repal_metric{REPAL_ABI_TAG, nullptr, nullptr};
