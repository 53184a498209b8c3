cmake_minimum_required(VERSION 3.28)
# Writes licences/LIBRARIES.md and the copyright file of every package that `libraries` (shared, set by bundle.cmake) and
# LINKED_IN (archives and headers) come from, and of CERES, which no package owns. A library without a licence in the table
# below is an error: it was never looked at.

# Debian's source package, without its version: the licence of what we take from it, as SPDX names it.
set(licence_of_boost BSL-1.0)
set(licence_of_bzip2 bzip2-1.0.6)
set(licence_of_cli11 BSD-3-Clause)
set(licence_of_eigen3 MPL-2.0)
set(licence_of_fmtlib MIT)
set(licence_of_gcc "GPL-3.0-or-later WITH GCC-exception-3.1")
set(licence_of_hdf5 BSD-3-Clause)
set(licence_of_libaec BSD-2-Clause)
set(licence_of_libmatio BSD-2-Clause)
set(licence_of_librandom123 BSD-3-Clause)
set(licence_of_libzip BSD-3-Clause)
set(licence_of_libzstd "BSD-3-Clause OR GPL-2.0-only")
set(licence_of_nlohmann-json MIT)
set(licence_of_openssl Apache-2.0)
set(licence_of_range-v3 "BSL-1.0 AND NCSA AND MIT")
set(licence_of_xz-utils "public domain")  # liblzma; 0BSD since 5.6
set(licence_of_yaml-cpp MIT)
set(licence_of_zlib Zlib)

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

function(describe package version licence)
  execute_process(COMMAND dpkg-query -W -f "\${Version} \${source:Package}" ${package}
    OUTPUT_VARIABLE answer COMMAND_ERROR_IS_FATAL ANY)
  separate_arguments(answer)
  list(GET answer 0 found)
  list(GET answer 1 source)
  set(${version} ${found} PARENT_SCOPE)
  string(REGEX REPLACE "-?[0-9.]+$" "" source_without_version ${source})
  foreach(name ${source} ${source_without_version})
    if(DEFINED licence_of_${name})
      set(${licence} ${licence_of_${name}} PARENT_SCOPE)
      return()
    endif()
  endforeach()
  message(FATAL_ERROR "${package}: ${CMAKE_CURRENT_FUNCTION_LIST_FILE} names no licence of Debian's source package ${source}")
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
  find_package_of(${file} package)
  describe(${package} version licence)
  get_filename_component(what ${file} NAME)
  if(file IN_LIST libraries)
    set(what lib/${what})
  elseif(file MATCHES "/include/(.*)")
    set(what ${CMAKE_MATCH_1})
  endif()
  record(${what} ${package} ${version} ${licence} /usr/share/doc/${package}/copyright)
endforeach()
get_filename_component(what ${CERES} NAME)
get_filename_component(folder_of_ceres ${CERES} DIRECTORY)
file(REAL_PATH ../share/doc/ceres/copyright copyright BASE_DIRECTORY ${folder_of_ceres})
record(${what} ceres-solver ${CERES_VERSION} "BSD-3-Clause AND Apache-2.0" ${copyright})
if(EXISTS ${BUILD}/share/repal/plotly.min.js)
  file(READ ${BUILD}/share/repal/plotly.min.js start LIMIT 1000)
  string(REGEX MATCH "plotly\\.js v([0-9.]+)" line "${start}")
  record(plotly.min.js plotly.js "${CMAKE_MATCH_1}" MIT ${BUILD}/share/repal/plotly.LICENSE)
endif()

list(JOIN rows "\n" rows)
file(WRITE ${folder}/LIBRARIES.md "# What others wrote in this package

Files in `lib/` are Debian's, unchanged but for the path on which they look for each other; any of them may be replaced by
another build of the same library. All else is compiled into `bin/repal`, `lib/librepal*` and the plugins. Debian has the
source of every package under its name and version here (plotly.js: npm; of Ceres, which is compiled without Debian's
patches, the version is its authors'). The copyright files name licences of whole source packages; the table says which is
that of the part that is used.

| what | package | version | licence | copyright |
|---|---|---|---|---|
${rows}
")
