# Every library that repal uses, in one place. Debian's headers are not ours to warn about.

find_package(Eigen3 3.4 REQUIRED NO_MODULE)
find_package(Ceres 2.1 REQUIRED)
find_package(range-v3 REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(CLI11 REQUIRED)
find_package(fmt REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(Boost 1.74 REQUIRED COMPONENTS filesystem system)
find_package(Threads REQUIRED)

find_package(PkgConfig REQUIRED)
pkg_check_modules(HDF5 REQUIRED IMPORTED_TARGET hdf5-serial)
pkg_check_modules(LIBZIP REQUIRED IMPORTED_TARGET libzip)

find_path(RANDOM123_INCLUDE_DIR Random123/philox.h REQUIRED)
add_library(random123 INTERFACE)
target_include_directories(random123 SYSTEM INTERFACE ${RANDOM123_INCLUDE_DIR})

# Ceres as a shared library. Debian's static one has weak Eigen functions compiled for 16-byte alignment, which the
# linker would merge with ours for 32 bytes: memory of one allocator would be freed by the other.
find_library(CERES_SHARED_LIBRARY NAMES libceres.so REQUIRED)
add_library(ceres_shared SHARED IMPORTED)
set_target_properties(ceres_shared PROPERTIES IMPORTED_LOCATION ${CERES_SHARED_LIBRARY})
target_include_directories(ceres_shared SYSTEM INTERFACE
  $<TARGET_PROPERTY:Ceres::ceres,INTERFACE_INCLUDE_DIRECTORIES>)
target_link_libraries(ceres_shared INTERFACE glog::glog)
