#pragma once

/// REPAL_ABI_TAG: the text of repal.abi, made of the macros of whoever is compiled.

#include <Eigen/Core>
#include <ios>

#define REPAL_TEXT_OF(x) #x
#define REPAL_TEXT(x) REPAL_TEXT_OF(x)
#ifdef _GLIBCXX_DEBUG
#define REPAL_DEBUG_CONTAINERS " debug-containers"
#else
#define REPAL_DEBUG_CONTAINERS ""
#endif

// clang-format off
#define REPAL_ABI_TAG                                                                                           \
    "repal interface " REPAL_INTERFACE_HASH                                                                     \
    ", clang " REPAL_TEXT(__clang_major__)                                                                      \
    ", libstdc++ " REPAL_TEXT(__GLIBCXX__) REPAL_DEBUG_CONTAINERS                                               \
    ", Eigen " REPAL_TEXT(EIGEN_WORLD_VERSION) "." REPAL_TEXT(EIGEN_MAJOR_VERSION) "." REPAL_TEXT(EIGEN_MINOR_VERSION) \
    " aligned to " REPAL_TEXT(EIGEN_MAX_ALIGN_BYTES) " bytes"
// clang-format on
