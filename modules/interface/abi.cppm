module;
#include "abi_tag.hpp"
export module repal.abi;

namespace repal {

/// What must be equal in the host and a plugin, lest objects that cross the border differ in size or layout:
/// the interfaces, the compiler, the standard library, Eigen and the alignment that the vector flags give it.
export inline constexpr char abi_tag[] = REPAL_ABI_TAG;

}  // namespace repal
