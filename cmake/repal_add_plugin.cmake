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
  target_link_libraries(${target} PRIVATE repal::repal ${plugin_LINK})
  # Before any import (see the header); plugin authors need not know.
  target_compile_options(${target} PRIVATE "SHELL:-include core/eigen.hpp")
  # All symbols must be found when the plugin is linked (but those of a sanitizer, which the program has); those of
  # static libraries in it stay its own.
  target_link_options(${target} PRIVATE -Wl,--exclude-libs,ALL)
  if(NOT REPAL_SANITIZE)
    target_link_options(${target} PRIVATE -Wl,-z,defs)
  endif()
  set_target_properties(${target} PROPERTIES PREFIX "" OUTPUT_NAME ${target})
  if(REPAL_PLUGIN_DIRECTORY)
    set_target_properties(${target} PROPERTIES LIBRARY_OUTPUT_DIRECTORY ${REPAL_PLUGIN_DIRECTORY})
  endif()
endfunction()
