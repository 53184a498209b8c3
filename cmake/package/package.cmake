# cmake --build --preset release --target package: a .tar.gz that runs where it is unpacked, and a .deb.
# docs/decisions/011 says what is in them and why.
#
# Components: `program` is what no other claims;
#   shared    what users read and copy, in share/repal, and the package of Python: `cmake --install` and the .deb
#   top       the same in the top folder, where users of the .tar.gz stand
#   bundle    the libraries that are not glibc's, and all licences: the .tar.gz
#   licences  those of what is linked in: the .deb

# What has to be built in a source tree is there already, as `program`.
function(write_readme file program)
  file(READ README.md text)
  foreach(study attractors neurotasks)
    list(APPEND demo "    ${program} run ${study} --config examples/demo.yaml --results demo")
  endforeach()
  list(JOIN demo "\n" demo)
  string(REGEX REPLACE "    scripts/demo.sh [^\n]*\n    scripts/test.sh [^\n]*" "${demo}" text "${text}")
  string(REGEX REPLACE "Elsewhere: clang[^\n]*\n\n" "" text "${text}")
  string(REPLACE "build/release/bin/repal" "${program}" text "${text}")
  file(CONFIGURE OUTPUT ${file} CONTENT "${text}" @ONLY)
endfunction()
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS README.md)

function(install_for_users component folder python program)
  set(readme ${PROJECT_BINARY_DIR}/package/${component}/README.md)
  write_readme(${readme} ${program})
  install(FILES config.yaml LICENSE ${readme} CHANGELOG.md CONTRIBUTING.md CITATION.cff DESTINATION ${folder} COMPONENT ${component} ${ARGN})
  install(DIRECTORY examples docs containers DESTINATION ${folder} COMPONENT ${component} ${ARGN})
  install(PROGRAMS scripts/local-array.sh DESTINATION ${folder}/scripts COMPONENT ${component} ${ARGN})
  install(DIRECTORY python/repal DESTINATION ${python} COMPONENT ${component} ${ARGN} PATTERN __pycache__ EXCLUDE)
  install(DIRECTORY sbatch DESTINATION ${folder} USE_SOURCE_PERMISSIONS OPTIONAL COMPONENT ${component} ${ARGN})
endfunction()
install_for_users(shared share/repal lib/python3/dist-packages repal)
install_for_users(top . python bin/repal EXCLUDE_FROM_ALL)

find_program(REPAL_PATCHELF patchelf)
function(install_with script licences)
  install(CODE "
    set(PROGRAM \"$<TARGET_FILE:repal_program>\")
    set(OWN_LIBRARY \"$<TARGET_FILE:repal>\")
    set(PLUGINS \"${REPAL_PLUGIN_DIRECTORY}\")
    set(BUILD \"${PROJECT_BINARY_DIR}\")
    set(LINKED_IN \"${REPAL_LINKED_IN};$<TARGET_FILE:fmt::fmt>;$<TARGET_FILE:Ceres::ceres>\")
    set(LIBRARIES \"${REPAL_LIBRARIES}\")
    set(GLIBC \"${REPAL_GLIBC}\")
    set(PATCHELF \"${REPAL_PATCHELF}\")
    set(LICENCES ${licences})" COMPONENT ${script} EXCLUDE_FROM_ALL)
  install(SCRIPT cmake/package/${script}.cmake COMPONENT ${script} EXCLUDE_FROM_ALL)
endfunction()
install_with(bundle licences)
install_with(licences share/repal/licences)

set(instructions ${CMAKE_SYSTEM_PROCESSOR})
if(REPAL_NATIVE)
  string(APPEND instructions -native)
elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  string(APPEND instructions -v3)
endif()
set(CPACK_PACKAGE_FILE_NAME repal-${PROJECT_VERSION}-linux-${instructions})
set(CPACK_PACKAGE_CONTACT "the authors of repal")
set(CPACK_GENERATOR TGZ DEB)
set(CPACK_VERBATIM_VARIABLES ON)
set(CPACK_PROJECT_CONFIG_FILE ${CMAKE_CURRENT_LIST_DIR}/generator.cmake)
set(CPACK_STRIP_FILES ON)
set(CPACK_ARCHIVE_COMPONENT_INSTALL ON)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_COMPONENTS_GROUPING ALL_COMPONENTS_IN_ONE)
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PACKAGE_PROVIDES "python3-repal")
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "python3-numpy")
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS ${CMAKE_LIBRARY_OUTPUT_DIRECTORY})
include(CPack)
