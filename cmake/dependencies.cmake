# Every library that repal uses, in one place. Debian's headers are not ours to warn about.

# What scripts/setup.sh has built (scripts/libraries.sh), since Debian has it otherwise.
set(kind "")
set(option "")
if(REPAL_NATIVE)
  set(kind native)
  set(option " --native")
endif()
execute_process(COMMAND ${PROJECT_SOURCE_DIR}/scripts/libraries.sh path ${kind}
  OUTPUT_VARIABLE REPAL_LIBRARIES OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
# What an earlier configuration found may be the system's, or compiled for other instructions.
unset(Ceres_DIR CACHE)
unset(fmt_DIR CACHE)

find_package(Eigen3 3.4 REQUIRED NO_MODULE)
find_package(range-v3 REQUIRED)
find_package(CLI11 REQUIRED)
find_package(fmt REQUIRED HINTS ${REPAL_LIBRARIES})
find_package(nlohmann_json REQUIRED)
find_package(Boost 1.74 REQUIRED CONFIG)
find_package(Threads REQUIRED)

find_path(RANDOM123_INCLUDE_DIR Random123/philox.h REQUIRED)
add_library(random123 INTERFACE)
target_include_directories(random123 SYSTEM INTERFACE ${RANDOM123_INCLUDE_DIR})

# Ceres must be compiled like repal (docs/decisions/002), which those of a system are not: either it is the one that
# scripts/setup.sh has built, or one in CMAKE_PREFIX_PATH.
find_package(Ceres 2.1 QUIET HINTS ${REPAL_LIBRARIES} NO_SYSTEM_ENVIRONMENT_PATH NO_CMAKE_PACKAGE_REGISTRY
  NO_CMAKE_SYSTEM_PATH NO_CMAKE_SYSTEM_PACKAGE_REGISTRY)
if(NOT Ceres_FOUND)
  message(FATAL_ERROR "There is no Ceres that fits: scripts/setup.sh${option} builds it, or name your own in CMAKE_PREFIX_PATH "
    "(docs/building.md).")
endif()

# repal_archive(TARGET NAME HEADER [LINK library...]): a static library, so that a package brings few others, and what it needs.
function(repal_archive target name header)
  cmake_parse_arguments(PARSE_ARGV 3 archive "" "" "LINK")
  find_library(file NAMES lib${name}.a ${name} HINTS ${REPAL_LIBRARIES} PATH_SUFFIXES lib REQUIRED NO_CACHE)
  find_path(folder ${header} HINTS ${REPAL_LIBRARIES} PATH_SUFFIXES include hdf5/serial REQUIRED NO_CACHE)
  add_library(${target} UNKNOWN IMPORTED GLOBAL)
  set_target_properties(${target} PROPERTIES IMPORTED_LOCATION ${file})
  target_include_directories(${target} SYSTEM INTERFACE ${folder})
  target_link_libraries(${target} INTERFACE ${archive_LINK})
  list(APPEND REPAL_LINKED_IN ${file})
  set(REPAL_LINKED_IN ${REPAL_LINKED_IN} PARENT_SCOPE)
endfunction()
repal_archive(zlib z zlib.h)
repal_archive(deflate deflate libdeflate.h)  # zlib takes ten times as long for checksums
repal_archive(aec aec libaec.h)
repal_archive(szip sz szlib.h LINK aec)
repal_archive(hdf5 hdf5_serial hdf5.h LINK szip zlib m ${CMAKE_DL_LIBS})
# What it unpacks is looked at (modules/store/hdf5_values.cpp).
target_link_options(hdf5 INTERFACE LINKER:--wrap=H5Z_pipeline)
repal_archive(matio matio matio.h LINK hdf5)
repal_archive(zip zip zip.h LINK zlib)
repal_archive(yaml yaml-cpp yaml-cpp/yaml.h)

# What becomes part of our own files: a package names its licences, and those of what is not Debian's.
foreach(header Eigen/Core boost/version.hpp CLI/CLI.hpp nlohmann/json.hpp Random123/philox.h range/v3/all.hpp)
  find_file(path ${header} PATH_SUFFIXES eigen3 REQUIRED NO_CACHE)
  list(APPEND REPAL_LINKED_IN ${path})
  unset(path)
endforeach()

# Objects are linked with an older glibc than this machine's, so that a package runs where people compute
# (docs/decisions/018). Sanitizers bring libraries that need this machine's.
set(REPAL_GLIBC "")
if(EXISTS ${REPAL_LIBRARIES}/glibc AND NOT REPAL_SANITIZE)
  set(REPAL_GLIBC ${REPAL_LIBRARIES}/glibc)
  add_link_options(-B${REPAL_GLIBC} -L${REPAL_GLIBC})
  list(APPEND REPAL_LINKED_IN ${REPAL_GLIBC}/libc_nonshared.a)
endif()
