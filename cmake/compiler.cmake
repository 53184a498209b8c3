# Flags of every target: the warnings, the instruction set, the sanitizers.

add_library(repal_flags INTERFACE)
add_library(repal::flags ALIAS repal_flags)

target_compile_options(repal_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion -Wno-missing-designated-field-initializers -Wnon-virtual-dtor -Wold-style-cast
  -Woverloaded-virtual -Wimplicit-fallthrough -Werror)
target_compile_definitions(repal_flags INTERFACE REPAL_VERSION="${PROJECT_VERSION}")

# Ceres is compiled with these flags, too (scripts/libraries.sh), since the linker merges Eigen's functions in both.
# x86-64-v3 (AVX2, FMA) runs on every machine since 2013 and gives the same bits on all of them.
if(REPAL_NATIVE)
  add_compile_options(-march=native)
elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  add_compile_options(-march=x86-64-v3)
endif()

# Hidden: Eigen's functions are templates, which another library may have compiled for another alignment than ours of 32
# bytes. Were ours visible, the dynamic linker would give them to it, and memory of one allocator would be freed by the other.
# modules/repal.exports says what librepal shows.
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)

# Results are the same bits in every build type: no contraction across statements, no reassociation.
add_compile_options(-ffp-contract=on)

add_link_options(-fuse-ld=lld -Wl,--as-needed)
if(REPAL_SANITIZE)
  add_compile_options(-fsanitize=${REPAL_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${REPAL_SANITIZE})
endif()
