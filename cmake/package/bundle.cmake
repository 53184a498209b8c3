cmake_minimum_required(VERSION 3.28)
# Copies every library that the program and the plugins load, but glibc's, into lib/, with a licence for each.
if(NOT PATCHELF)
  message(FATAL_ERROR "a package needs patchelf, which scripts/setup.sh installs; then configure again")
endif()
set(root "$ENV{DESTDIR}${CMAKE_INSTALL_PREFIX}")

# Ours are installed as targets. Those of glibc are the system's, since they must fit its loader.
file(GLOB plugins ${PLUGINS}/*.so)
file(GET_RUNTIME_DEPENDENCIES
  EXECUTABLES ${PROGRAM} LIBRARIES ${OWN_LIBRARY} MODULES ${plugins}
  PRE_EXCLUDE_REGEXES "^(ld-linux.*|lib(c|m|mvec|dl|rt|pthread|resolv|util|anl))\\.so\\." "^librepal"
  RESOLVED_DEPENDENCIES_VAR libraries
  UNRESOLVED_DEPENDENCIES_VAR missing)
if(missing)
  message(FATAL_ERROR "libraries that were not found: ${missing}")
endif()
# Those that it was linked with, not this machine's.
if(GLIBC)
  list(TRANSFORM libraries REPLACE "^.*/(libstdc\\+\\+|libgcc_s)\\." "${GLIBC}/\\1.")
  # What plugins are linked with, to load wherever this does.
  file(COPY ${GLIBC} DESTINATION ${root}/lib/cmake/repal PATTERN libstdc++.so.6 EXCLUDE PATTERN libgcc_s.so.1 EXCLUDE)
endif()

set(forbidden "/lib(cholmod|spqr|cxsparse|umfpack|klu|btf|ldl|amd|camd|colamd|ccolamd|suitesparse[a-z]*|metis|blas|lapack|openblas)[^/]*$")
foreach(library IN LISTS libraries)
  if(library MATCHES ${forbidden})
    message(FATAL_ERROR "${library} would be bundled: part of SuiteSparse is under the GPL, and nothing of it or of LAPACK is used")
  endif()
  get_filename_component(name ${library} NAME)
  file(REAL_PATH ${library} real)
  file(MAKE_DIRECTORY ${root}/lib)
  file(COPY_FILE ${real} ${root}/lib/${name})
  # DT_RPATH, which LD_LIBRARY_PATH does not override: that often names other versions on a cluster.
  execute_process(COMMAND ${PATCHELF} --force-rpath --set-rpath $ORIGIN ${root}/lib/${name} COMMAND_ERROR_IS_FATAL ANY)
endforeach()

include(${CMAKE_CURRENT_LIST_DIR}/licences.cmake)
