# What somebody needs who writes a plugin against an installed repal: find_package(repal), the interfaces of the modules
# (see modules/CMakeLists.txt) and repal_add_plugin().

install(EXPORT repal NAMESPACE repal:: FILE repal-targets.cmake DESTINATION lib/cmake/repal CXX_MODULES_DIRECTORY .)

string(REGEX MATCH "^[0-9]+" REPAL_COMPILER_MAJOR ${CMAKE_CXX_COMPILER_VERSION})
include(CMakePackageConfigHelpers)
configure_package_config_file(cmake/repal-config.cmake.in ${PROJECT_BINARY_DIR}/repal-config.cmake
  INSTALL_DESTINATION lib/cmake/repal)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/repal-config-version.cmake COMPATIBILITY ExactVersion)
install(FILES ${PROJECT_BINARY_DIR}/repal-config.cmake ${PROJECT_BINARY_DIR}/repal-config-version.cmake
  cmake/repal_add_plugin.cmake DESTINATION lib/cmake/repal)
