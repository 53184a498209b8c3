cmake_minimum_required(VERSION 3.28)
# Writes licences/LIBRARIES.md and the copyright file of every package that `libraries` (shared, set by bundle.cmake) and
# LINKED_IN (archives and headers) come from. A library without a licence in the table below is an error: it was never looked
# at.

# Debian's source package, without its version: the licence of what we take from it, as SPDX names it.
set(licence_of_boost BSL-1.0)
set(licence_of_ceres-solver "BSD-3-Clause AND Apache-2.0")
set(licence_of_cli11 BSD-3-Clause)
set(licence_of_eigen3 MPL-2.0)
set(licence_of_fmtlib MIT)
set(licence_of_glibc "LGPL-2.1-or-later")  # libc_nonshared.a may be linked into any program, as it says
set(licence_of_gcc "GPL-3.0-or-later WITH GCC-exception-3.1")
set(licence_of_hdf5 BSD-3-Clause)
set(licence_of_libaec BSD-2-Clause)
set(licence_of_libdeflate MIT)
set(licence_of_libmatio BSD-2-Clause)
set(licence_of_librandom123 BSD-3-Clause)
set(licence_of_libzip BSD-3-Clause)
set(licence_of_nlohmann-json MIT)
set(licence_of_range-v3 "BSL-1.0 AND NCSA AND MIT")
set(licence_of_yaml-cpp MIT)
set(licence_of_zlib Zlib)

# What scripts/libraries.sh has made, and the source package that it is of.
set(source_of_libc_nonshared.a glibc)
set(source_of_libceres.a ceres-solver)
set(source_of_libfmt.a fmtlib)
set(source_of_libgcc_s.so.1 gcc-10)
set(source_of_libstdc++.so.6 gcc-12)
set(source_of_libyaml-cpp.a yaml-cpp)
set(source_of_libzip.a libzip)

# The package that owns a file, by its real path; Debian may know it without /usr.
function(find_package_of file result)
  file(REAL_PATH ${file} real)
  string(REGEX REPLACE "^/usr/" "/" short ${real})
  foreach(path ${real} ${short})
    execute_process(COMMAND dpkg-query -S ${path} OUTPUT_VARIABLE owner ERROR_QUIET RESULT_VARIABLE failure)
    if(NOT failure)
      string(REGEX REPLACE ":.*" "" owner ${owner})
      set(${result} ${owner} PARENT_SCOPE)
      return()
    endif()
  endforeach()
  message(FATAL_ERROR "${file} belongs to no Debian package, so its licence is not known")
endfunction()

function(find_licence_of source licence)
  string(REGEX REPLACE "-?[0-9.]+$" "" source_without_version ${source})
  foreach(name ${source} ${source_without_version})
    if(DEFINED licence_of_${name})
      set(${licence} ${licence_of_${name}} PARENT_SCOPE)
      return()
    endif()
  endforeach()
  message(FATAL_ERROR "${CMAKE_CURRENT_FUNCTION_LIST_FILE} names no licence of Debian's source package ${source}")
endfunction()

set(folder "$ENV{DESTDIR}${CMAKE_INSTALL_PREFIX}/${LICENCES}")
file(MAKE_DIRECTORY ${folder})

# Adds a line to `rows`, and to the folder the copyright file with the licence texts that it only refers to.
function(record what package version licence copyright)
  if(NOT EXISTS "${copyright}")
    message(FATAL_ERROR "${package} has no copyright file ${copyright}")
  endif()
  file(COPY_FILE ${copyright} ${folder}/${package}.copyright)
  file(STRINGS ${copyright} references REGEX "/usr/share/common-licenses/")
  string(REGEX MATCHALL "/usr/share/common-licenses/[A-Za-z]+(-[0-9]+(\\.[0-9]+)?)?" texts "${references}")
  foreach(text IN LISTS texts)
    get_filename_component(name ${text} NAME)
    if(EXISTS ${text})
      file(COPY_FILE ${text} ${folder}/${name})
    endif()
  endforeach()
  set(row "| ${what} | ${package} | ${version} | ${licence} | [${package}.copyright](${package}.copyright) |")
  set(rows ${rows} ${row} PARENT_SCOPE)
endfunction()

set(rows "")
foreach(file IN LISTS libraries LINKED_IN)
  get_filename_component(name ${file} NAME)
  cmake_path(IS_PREFIX LIBRARIES ${file} is_made)
  if(is_made)
    set(package ${source_of_${name}})
    set(source ${package})
    set(copyright ${LIBRARIES}/share/doc/${source}/copyright)
    file(STRINGS ${LIBRARIES}/share/doc/${source}/version version)
  else()
    find_package_of(${file} package)
    set(copyright /usr/share/doc/${package}/copyright)
    execute_process(COMMAND dpkg-query -W -f "\${Version}" ${package} OUTPUT_VARIABLE version COMMAND_ERROR_IS_FATAL ANY)
    execute_process(COMMAND dpkg-query -W -f "\${source:Package}" ${package} OUTPUT_VARIABLE source COMMAND_ERROR_IS_FATAL ANY)
  endif()
  find_licence_of(${source} licence)
  set(what ${name})
  if(file IN_LIST libraries)
    set(what lib/${name})
  elseif(file MATCHES "/include/(.*)")
    set(what ${CMAKE_MATCH_1})
  endif()
  record(${what} ${package} ${version} "${licence}" ${copyright})
endforeach()
if(EXISTS ${BUILD}/share/repal/plotly.min.js)
  file(READ ${BUILD}/share/repal/plotly.min.js start LIMIT 1000)
  string(REGEX MATCH "plotly\\.js v([0-9.]+)" line "${start}")
  record(plotly.min.js plotly.js "${CMAKE_MATCH_1}" MIT ${BUILD}/share/repal/plotly.LICENSE)
endif()

list(JOIN rows "\n" rows)
file(WRITE ${folder}/LIBRARIES.md "# What others wrote in this package

Files in `lib/` are Debian's but for the path on which they look for each other, libstdc++ linked anew with an older glibc;
any of them may be replaced by another build of the same library. `lib/cmake/repal/glibc` is that glibc: plugins are linked with
it, and nothing loads it. libc_nonshared.a may be linked into any program, as its sources say. All else is compiled into `bin/repal`, `lib/librepal*` and
the plugins. Debian has the source of every package under its name and version here (plotly.js: npm; of Ceres, fmt and libzip,
which are compiled without Debian's patches, the version is their authors'). The copyright files name licences of whole source
packages; the table says which is that of the part that is used.

| what | package | version | licence | copyright |
|---|---|---|---|---|
${rows}
")
