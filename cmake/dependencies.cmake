# Every library that repal uses, in one place. Debian's headers are not ours to warn about.

find_package(Eigen3 3.4 REQUIRED NO_MODULE)
find_package(range-v3 REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(CLI11 REQUIRED)
find_package(fmt REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(Boost 1.74 REQUIRED CONFIG COMPONENTS filesystem system)
find_package(Threads REQUIRED)

find_package(PkgConfig REQUIRED)
pkg_check_modules(HDF5 REQUIRED hdf5-serial)
find_package(ZLIB REQUIRED)
pkg_check_modules(LIBZIP REQUIRED IMPORTED_TARGET libzip)

find_path(RANDOM123_INCLUDE_DIR Random123/philox.h REQUIRED)
add_library(random123 INTERFACE)
target_include_directories(random123 SYSTEM INTERFACE ${RANDOM123_INCLUDE_DIR})

# Ceres must be compiled like repal (docs/decisions/002), which those of a system are not: either it is the one that
# scripts/setup.sh has built, or one in CMAKE_PREFIX_PATH.
set(kind "")
set(option "")
if(REPAL_NATIVE)
  set(kind native)
  set(option " --native")
endif()
execute_process(COMMAND ${PROJECT_SOURCE_DIR}/scripts/ceres.sh path ${kind}
  OUTPUT_VARIABLE folder OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
# What an earlier configuration found may be the system's, or compiled for other instructions.
unset(Ceres_DIR CACHE)
find_package(Ceres 2.1 QUIET HINTS ${folder} NO_SYSTEM_ENVIRONMENT_PATH NO_CMAKE_PACKAGE_REGISTRY
  NO_CMAKE_SYSTEM_PATH NO_CMAKE_SYSTEM_PACKAGE_REGISTRY)
if(NOT Ceres_FOUND)
  message(FATAL_ERROR "There is no Ceres that fits: scripts/setup.sh${option} builds it, or name your own in CMAKE_PREFIX_PATH "
    "(docs/building.md).")
endif()

# The archive instead of the shared library, which loads an HTTP client with all that it needs.
find_library(HDF5_ARCHIVE NAMES libhdf5.a HINTS ${HDF5_LIBRARY_DIRS} REQUIRED)
add_library(hdf5_archive STATIC IMPORTED)
set_target_properties(hdf5_archive PROPERTIES IMPORTED_LOCATION ${HDF5_ARCHIVE})
target_include_directories(hdf5_archive SYSTEM INTERFACE ${HDF5_INCLUDE_DIRS})
target_link_libraries(hdf5_archive INTERFACE sz z m ${CMAKE_DL_LIBS})

# The same of libmatio, which the archive of HDF5 serves, too.
find_path(MATIO_INCLUDE_DIR matio.h REQUIRED)
find_library(MATIO_ARCHIVE NAMES libmatio.a REQUIRED)
add_library(matio_archive STATIC IMPORTED)
set_target_properties(matio_archive PROPERTIES IMPORTED_LOCATION ${MATIO_ARCHIVE})
target_include_directories(matio_archive SYSTEM INTERFACE ${MATIO_INCLUDE_DIR})
target_link_libraries(matio_archive INTERFACE hdf5_archive)

# What becomes part of our own files: a package names its licences, and that of Ceres.
set(REPAL_LINKED_IN ${HDF5_ARCHIVE} ${MATIO_ARCHIVE})
foreach(header Eigen/Core boost/version.hpp CLI/CLI.hpp fmt/core.h nlohmann/json.hpp Random123/philox.h range/v3/all.hpp)
  find_file(path ${header} PATH_SUFFIXES eigen3 REQUIRED NO_CACHE)
  list(APPEND REPAL_LINKED_IN ${path})
  unset(path)
endforeach()
