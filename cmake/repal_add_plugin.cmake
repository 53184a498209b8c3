# repal_add_plugin(NAME metric|task SOURCES file... [LINK library...])
#
# One shared object that repal loads at run time. It may import repal.metric or repal.task and what they import.
function(repal_add_plugin name kind)
  cmake_parse_arguments(PARSE_ARGV 2 plugin "" "" "SOURCES;LINK")
  if(NOT kind MATCHES "^(metric|task)$")
    message(FATAL_ERROR "repal_add_plugin(${name} ${kind}): the kind is metric or task")
  endif()
  set(target ${kind}_${name})
  add_library(${target} MODULE ${plugin_SOURCES})
  repal_use_interface(${target})
  target_link_libraries(${target} PRIVATE ${plugin_LINK})
  # All symbols must be found when the plugin is linked (but those of a sanitizer, which the program has); those of
  # static libraries in it stay its own.
  target_link_options(${target} PRIVATE -Wl,--exclude-libs,ALL)
  if(NOT REPAL_SANITIZE)
    target_link_options(${target} PRIVATE -Wl,-z,defs)
  endif()
  set_target_properties(${target} PROPERTIES
    PREFIX "" OUTPUT_NAME ${target} CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)
  if(REPAL_PLUGIN_DIRECTORY)
    set_target_properties(${target} PROPERTIES LIBRARY_OUTPUT_DIRECTORY ${REPAL_PLUGIN_DIRECTORY})
  endif()
endfunction()

# repal_use_interface(TARGET)
#
# Sources of the target may import repal.metric and repal.task, and share objects with plugins: a test of a plugin.
function(repal_use_interface target)
  # Those of the program, as far as the ABI tag depends on them.
  set(flags "")
  get_target_property(is_installed repal::repal IMPORTED)
  if(is_installed)
    get_target_property(flags repal::core IMPORTED_CXX_MODULES_COMPILE_OPTIONS)
    # CMake looks for the modules of imported libraries in those that are named here, and no further.
    target_link_libraries(${target} PRIVATE repal::core repal::linalg repal::interface)
    if(EXISTS ${REPAL_GLIBC})
      get_filename_component(libraries ${REPAL_GLIBC}/../../.. ABSOLUTE)
      target_link_options(${target} PRIVATE -B${REPAL_GLIBC} -L${REPAL_GLIBC} -L${libraries})
    endif()
  endif()
  target_link_libraries(${target} PRIVATE repal::repal)
  # Before any import (see the header); plugin authors need not know.
  target_compile_options(${target} PRIVATE ${flags} "SHELL:-include core/eigen.hpp")
  set_target_properties(${target} PROPERTIES
    CXX_STANDARD 20 CXX_STANDARD_REQUIRED ON CXX_EXTENSIONS OFF CXX_SCAN_FOR_MODULES ON)
endfunction()
