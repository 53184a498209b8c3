module;
#include <Eigen/Core>
#include <ios>
export module repal.abi;

#define REPAL_TEXT_(x) #x
#define REPAL_TEXT(x) REPAL_TEXT_(x)
#ifdef _GLIBCXX_DEBUG
#define REPAL_DEBUG_CONTAINERS " debug-containers"
#else
#define REPAL_DEBUG_CONTAINERS ""
#endif

namespace repal {

/// What must be equal in the host and a plugin, lest objects that cross the border differ in size or layout:
/// the interfaces, the compiler, the standard library, Eigen and the alignment that the vector flags give it.
export inline constexpr char abi_tag[] =
    "repal interface " REPAL_INTERFACE_HASH
    ", clang " REPAL_TEXT(__clang_major__) ", libstdc++ " REPAL_TEXT(__GLIBCXX__) REPAL_DEBUG_CONTAINERS
    ", Eigen " REPAL_TEXT(EIGEN_WORLD_VERSION) "." REPAL_TEXT(EIGEN_MAJOR_VERSION) "." REPAL_TEXT(
        EIGEN_MINOR_VERSION) " aligned to " REPAL_TEXT(EIGEN_MAX_ALIGN_BYTES) " bytes";

}  // namespace repal
