# Every library that repal uses, in one place. Debian's headers are not ours to warn about.

find_package(Eigen3 3.4 REQUIRED NO_MODULE)
find_package(Ceres 2.1 REQUIRED)
find_package(range-v3 REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(CLI11 REQUIRED)
find_package(fmt REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(Boost 1.74 REQUIRED CONFIG COMPONENTS filesystem system)
find_package(Threads REQUIRED)

find_package(PkgConfig REQUIRED)
pkg_check_modules(HDF5 REQUIRED hdf5-serial)
pkg_check_modules(LIBZIP REQUIRED IMPORTED_TARGET libzip)

find_path(RANDOM123_INCLUDE_DIR Random123/philox.h REQUIRED)
add_library(random123 INTERFACE)
target_include_directories(random123 SYSTEM INTERFACE ${RANDOM123_INCLUDE_DIR})

# Two archives instead of shared libraries, of which little is used: Debian's libceres.so loads SuiteSparse, part of which
# is under the GPL, and LAPACK; its libhdf5.so loads an HTTP client with all that it needs.
find_library(CERES_ARCHIVE NAMES libceres.a REQUIRED)
add_library(ceres_archive STATIC IMPORTED)
set_target_properties(ceres_archive PROPERTIES IMPORTED_LOCATION ${CERES_ARCHIVE})
target_include_directories(ceres_archive SYSTEM INTERFACE
  $<TARGET_PROPERTY:Ceres::ceres,INTERFACE_INCLUDE_DIRECTORIES>)
target_link_libraries(ceres_archive INTERFACE glog::glog)

find_library(HDF5_ARCHIVE NAMES libhdf5.a HINTS ${HDF5_LIBRARY_DIRS} REQUIRED)
add_library(hdf5_archive STATIC IMPORTED)
set_target_properties(hdf5_archive PROPERTIES IMPORTED_LOCATION ${HDF5_ARCHIVE})
target_include_directories(hdf5_archive SYSTEM INTERFACE ${HDF5_INCLUDE_DIRS})
target_link_libraries(hdf5_archive INTERFACE sz z m ${CMAKE_DL_LIBS})

# What becomes part of our own files: a package names its licences.
set(REPAL_LINKED_IN ${CERES_ARCHIVE} ${HDF5_ARCHIVE})
foreach(header Eigen/Core boost/version.hpp CLI/CLI.hpp fmt/core.h nlohmann/json.hpp Random123/philox.h range/v3/all.hpp)
  find_file(path ${header} PATH_SUFFIXES eigen3 REQUIRED NO_CACHE)
  list(APPEND REPAL_LINKED_IN ${path})
  unset(path)
endforeach()
